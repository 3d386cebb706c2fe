"""The form of a feed. What cannot work together is refused where it is typed."""

from typing import Any, ClassVar

from django import forms

from calls.directory.models import Feed


class FeedForm(forms.ModelForm):
    class Meta:
        model = Feed
        fields: ClassVar = [
            "name", "active", "push_enabled", "push_host", "push_port", "allow_list", "local_enabled", "local_host",
            "local_port", "time_zone", "region", "padding", "clock", "stale_after_hours", "short_call_seconds",
            "answer_target_seconds", "silent_after_minutes",
        ]  # fmt: skip
        widgets: ClassVar = {
            "allow_list": forms.Textarea(attrs={"rows": 2}),
            "padding": forms.TextInput(attrs={"size": 1}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        padding = self.fields["padding"]
        if isinstance(padding, forms.CharField):
            padding.strip = False  # a space is a padding, too

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("push_enabled") and not values.get("push_port"):
            self.add_error("push_port", "Push needs a port to listen on, such as 2008.")
        if values.get("local_enabled") and not values.get("local_host"):
            self.add_error("local_host", "Local needs the address of the Communication Service.")
        return values
