"""Draws the inputs and selects of a form without a template for each: with them, a form of filters was half a page."""

from collections.abc import Mapping
from typing import Any

from django.forms import Form
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class QuickRenderer(DjangoTemplates):
    """What it does not know is drawn by Django's templates."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> Any:
        widget = context.get("widget", {})
        if template_name == "django/forms/widgets/select.html":
            return _select(widget)
        if "type" in widget and widget.get("template_name") == template_name and not widget.get("wrap_label"):
            return _input(widget)
        return super().render(template_name, context, request)


class QuickForm(Form):
    default_renderer = QuickRenderer


def _input(widget: Mapping[str, Any]) -> SafeString:
    value = {} if widget["value"] is None else {"value": widget["value"]}
    attributes = {"type": widget["type"], "name": widget["name"], **value, **widget["attrs"]}
    return format_html("<input{}>", _attributes(attributes))


def _select(widget: Mapping[str, Any]) -> SafeString:
    groups = []
    for label, options, _ in widget["optgroups"]:
        drawn = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((option["value"], _attributes(option["attrs"]), option["label"]) for option in options),
        )
        groups.append(format_html('<optgroup label="{}">{}</optgroup>', label, drawn) if label else drawn)
    attributes = {"name": widget["name"], **widget["attrs"]}
    return format_html("<select{}>{}</select>", _attributes(attributes), SafeString("".join(groups)))


def _attributes(values: Mapping[str, Any]) -> SafeString:
    """Of which False is left out, and True has no value."""
    return format_html_join(
        "", "{}", ((_attribute(name, value),) for name, value in values.items() if value is not False)
    )


def _attribute(name: str, value: Any) -> SafeString:
    return format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value)
