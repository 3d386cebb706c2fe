"""Keep a view of the board under a name, and forget it."""

from urllib.parse import parse_qsl, urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from calls.directory.models import SavedBoard

KEPT = ("department", "group", "state", "q")


class SaveForm(forms.ModelForm):
    class Meta:
        model = SavedBoard
        fields = ("name", "query", "shared")

    def clean_query(self) -> str:
        """Only what a board's address is made of."""
        asked = parse_qsl(self.cleaned_data["query"].removeprefix("?"), max_num_fields=20)
        return urlencode([(name, value) for name, value in asked if name in KEPT and value])


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """A view of the same name is overwritten."""
    assert request.user.is_authenticated
    known = SavedBoard.objects.filter(owner=request.user, name=request.POST.get("name", "").strip()).first()
    form = SaveForm(request.POST, instance=known or SavedBoard(owner=request.user))
    if not form.is_valid():
        messages.error(request, "Not saved: give it a name of at most 60 characters.")
        return redirect("board")
    saved = form.save()
    messages.success(request, f"{saved.name} saved.")
    return redirect(f"{reverse('board')}?{saved.query}")


@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    assert request.user.is_authenticated
    saved = get_object_or_404(SavedBoard, pk=pk, owner=request.user)
    saved.delete()
    messages.success(request, f"{saved.name} removed.")
    return redirect("board")
