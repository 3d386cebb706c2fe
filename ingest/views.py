"""Pages of feeds: how they are, how they are set up, and what could not be read."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from calls.directory.models import Feed
from ingest.forms import FeedForm
from ingest.models import QuarantinedLine
from ingest.quarantine import packed_summary
from ingest.status import feed_statuses, status_of

LINES_A_PAGE = 50
REASON_WORDS = {
    "damaged_record": "A record of the journal was damaged: look at the disk.",
    "not_stored": "The database refused it: please report it, with the raw line.",
}


@require_safe
@permission_required("directory.view_feed", raise_exception=True)
def index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "feeds/index.html",
        {"statuses": feed_statuses(), "may_edit": request.user.has_perm("directory.change_feed")},
    )


@require_safe
@permission_required("directory.view_feed", raise_exception=True)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Health, counters and quarantined lines of one feed."""
    feed = get_object_or_404(Feed, pk=pk)
    lines = QuarantinedLine.objects.filter(feed=feed).order_by("-received_at", "-pk")
    page = Paginator(lines, LINES_A_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "received_at": timezone.localtime(line.received_at),
            "reason": REASON_WORDS.get(line.reason) or line.detail or line.reason,
            "name": line.reason,
            "raw": bytes(line.line)[:400].decode("latin-1"),
            "length": len(line.line),
        }
        for line in page
    ]
    return render(
        request,
        "feeds/detail.html",
        {
            "status": status_of(feed),
            "page": page,
            "rows": rows,
            "packed": packed_summary(feed.pk),
            "may_edit": request.user.has_perm("directory.change_feed"),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("directory.add_feed", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    return _form(request, Feed(push_port=2008))


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("directory.change_feed", raise_exception=True)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, get_object_or_404(Feed, pk=pk))


def _form(request: HttpRequest, feed: Feed) -> HttpResponse:
    form = FeedForm(request.POST or None, instance=feed)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"{saved} saved. The worker follows within seconds.")
        return redirect("feeds:detail", saved.pk)
    groups = [
        ("Feed", [form["name"], form["active"]]),
        ("Push: the Communication Service connects to us", [form[name] for name in PUSH]),
        ("Local: we connect to the Communication Service", [form[name] for name in LOCAL]),
        ("How its lines are read", [form[name] for name in READING]),
        ("How its calls are judged", [form[name] for name in JUDGING]),
    ]
    return render(request, "feeds/form.html", {"form": form, "feed": feed, "groups": groups})


PUSH = ("push_enabled", "push_host", "push_port", "allow_list")
LOCAL = ("local_enabled", "local_host", "local_port")
READING = ("padding", "clock", "time_zone", "region")
JUDGING = ("answer_target_seconds", "short_call_seconds", "stale_after_hours", "silent_after_minutes")
