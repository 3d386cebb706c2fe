"""Icons, state glyphs, the navigation and formats for templates (docs/ui.md)."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from calls.journey import clock

register = template.Library()

SHAPES = {
    "ring": '<circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="2"/>',
    "triangle": '<path d="M6 .9 11.7 11H.3z"/>',
    "disc": '<circle cx="6" cy="6" r="5"/>',
    "bars": '<path d="M1.5 1h3.2v10H1.5zM7.3 1h3.2v10H7.3z"/>',
    "dot": '<circle cx="6" cy="6" r="2"/>',
    "check": '<path d="M1.5 6.5 4.6 9.6 10.5 2.8" fill="none" stroke="currentColor" stroke-width="2"/>',
    "cross": '<path d="m2 2 8 8M10 2l-8 8" fill="none" stroke="currentColor" stroke-width="2"/>',
}
DRAWN = {  # state → shape, or the name of an icon
    "queued": "ring",
    "ringing": "triangle",
    "talking": "disc",
    "held": "bars",
    "idle": "dot",
    "in_progress": "disc",
    "answered": "check",
    "abandoned": "cross",
    "missed": "cross",
    "no_answer": "phone-off",
    "unknown": "circle-question-mark",
    "live": "disc",
    "silent": "clock",
    "lost": "unplug",
    "none": "dot",
    "reconnecting": "wifi-off",
}
WORDS = {"no_answer": "No answer", "in_progress": "In progress", "none": "No feed"}
GLYPH_SIZE, ICON_SIZE = 12, 16


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation, shown where its address exists and the user may open it."""

    label: str
    url_name: str
    icon: str
    permission: str = ""
    set_up: bool = False


SECTIONS = (
    Section("Board", "board", "radio"),
    Section("Calls", "calls:list", "list"),
    Section("Reports", "reports:index", "chart-column"),
    Section("Directory", "directory:index", "book-user", "directory.view_extension", set_up=True),
    Section("Tariffs", "tariffs:index", "receipt-pound-sterling", "costing.view_tariff", set_up=True),
    Section("Feeds", "feeds:index", "cable", "directory.view_feed", set_up=True),
)


@register.simple_tag
@cache
def icon(name: str, size: int = ICON_SIZE) -> SafeString:
    """A lucide icon, decorative: the words stand beside it."""
    drawing = lucide(name, size=size, stroke_width=1.75, aria_hidden="true", focusable="false")
    return mark_safe(" ".join(drawing.replace("<svg", '<svg class="tb-icon"', 1).split()))  # noqa: S308 - the wheel's


@register.simple_tag
@cache
def glyph(state: str) -> SafeString:
    """The glyph of a state, an outcome or a feed's health, without its word."""
    drawn = DRAWN[state]
    if drawn not in SHAPES:
        return format_html('<span class="tb-glyph tb-glyph-{}">{}</span>', state, icon(drawn, 14))
    return format_html(
        '<svg class="tb-glyph tb-glyph-{}" width="{size}" height="{size}" viewBox="0 0 {size} {size}"'
        ' aria-hidden="true">{}</svg>',
        state,
        mark_safe(SHAPES[drawn]),  # noqa: S308 - our own drawing
        size=GLYPH_SIZE,
    )


@register.simple_tag
@cache
def state_glyph(state: str, word: str = "") -> SafeString:
    """The glyph and the word."""
    return format_html(
        '<span class="tb-state tb-state-{}">{}<span>{}</span></span>',
        state,
        glyph(state),
        word or WORDS.get(state, state.capitalize()),
    )


@register.simple_tag
@cache
def glyph_symbols(*icons: str) -> SafeString:
    """Every glyph as `#glyph-<state>` and the named icons as `#icon-<name>`, for scripts to refer to."""
    glyphs = format_html_join(
        "",
        '<symbol id="glyph-{}" viewBox="0 0 {} {}">{}</symbol>',
        ((state, *_symbol(drawn)) for state, drawn in DRAWN.items()),
    )
    named = format_html_join(
        "", '<symbol id="icon-{}" viewBox="0 0 16 16">{}</symbol>', [(name, icon(name)) for name in icons]
    )
    return format_html('<svg class="tb-symbols" width="0" height="0" aria-hidden="true">{}{}</svg>', glyphs, named)


def _symbol(drawn: str) -> tuple[int, int, SafeString]:
    if drawn in SHAPES:
        return GLYPH_SIZE, GLYPH_SIZE, mark_safe(SHAPES[drawn])  # noqa: S308 - our own drawing
    return ICON_SIZE, ICON_SIZE, icon(drawn)


@register.simple_tag(takes_context=True)
def sections(context: RequestContext) -> list[dict[str, Any]]:
    """The navigation for this request: label, address, icon, whether it is where the page belongs."""
    request = context.get("request")
    path, user = (request.path, request.user) if request else ("", None)
    shown = []
    for section in SECTIONS:
        if section.permission and not (user and user.has_perm(section.permission)):
            continue
        try:
            address = reverse(section.url_name)
        except NoReverseMatch:
            continue
        current = path == address or (section.url_name != "board" and path.startswith(address))
        shown.append(
            {
                "label": section.label,
                "address": address,
                "icon": section.icon,
                "current": current,
                "set_up": section.set_up,
                "is_feeds": section.url_name == "feeds:index",
            }
        )
    return shown


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as 4:07 or 1:02:33; a dash for None."""
    return "–" if seconds is None else clock(int(seconds))


@register.filter
def when(instant: datetime | None, seconds: str = "") -> SafeString | str:
    """An instant in the site's time zone: `14:07` today, `Tue 24 Nov 14:07` else; with `:"s"` also its seconds."""
    if instant is None:
        return "–"
    local, today = timezone.localtime(instant), timezone.localdate()
    shown = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    if local.date() != today:
        year = f" {local.year}" if local.year != today.year else ""
        shown = f"{local:%a} {local.day} {local:%b}{year} {shown}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}",
        shown,
    )
