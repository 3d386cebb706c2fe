"""A report on paper: the page's own template, print style and charts, made into a PDF by WeasyPrint.

That is done in a process of its own, which is handed HTML with its style in it and fetches nothing: neither its work
nor a fault of it touches the site.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

MOST_ROWS = 2_000  # of a PDF: some 70 pages, and half a gigabyte while it is made
MOST_AT_ONCE = 60  # rows: a page or two
ROWS_A_PAGE = 28
AT_ONCE_SECONDS = 30
SHEETS = ("tokens", "theme", "components", "reports", "print", "paper")
VARIABLE = re.compile(r"var\((--[\w-]+)\)")
DECLARED = re.compile(r"(--[\w-]+):\s*([^;]+);")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
LINK = re.compile(r'<a class="tb-(?:crumb|btn)\b.*?</a>|</?a\b[^>]*>', re.DOTALL)  # crumbs and buttons with their words
PAGE = re.compile(rb"page (\d+)\s*|drawing\s*")  # what the press says
SVG = re.compile(r"(?P<tag><svg\b[^>]*>)(?P<rest>.*?</svg>)", re.DOTALL)
PICTURED = re.compile(r"[.#](tb-(?:mark|chart|cellbar|hatch)[\w-]*)")
INSTALL = (
    "A PDF needs WeasyPrint, which is not installed here. Install the extra “pdf” (pip install weasyprint) and, on "
    "Debian, its libraries: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. Or print the page."
)


class NoPaperError(RuntimeError):
    """No PDF could be made; the message is for whoever asked."""


def html_of(template: str, context: dict[str, Any]) -> str:
    """A page for paper: its style within it, its charts' too, because a picture knows nothing of the page around it.

    Without its links, which lead nowhere from paper, and take a fifth of the memory.
    """
    page = render_to_string(template, {**context, "layout": "reports/paper.html", "style": style()})
    return SVG.sub(with_style, LINK.sub("", page))


def pdf(html: str, timeout: float | None = None, is_at: Callable[[int | None], None] = lambda page: None) -> bytes:
    """`is_at` is told of each page as it is laid out, from 1, and of None when all are drawn. Raises NoPaperError."""
    if find_spec("weasyprint") is None:
        raise NoPaperError(INSTALL)
    is_late = threading.Event()
    said: list[str] = []
    with TemporaryFile() as given, TemporaryFile() as made:
        given.write(html.encode())
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "reports.paper_press"],
            stdin=given, stdout=made, stderr=subprocess.PIPE, cwd=settings.BASE_DIR,
        )  # fmt: skip

        def give_up() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(threading.TIMEOUT_MAX if timeout is None else timeout, give_up)
        timer.daemon = True
        timer.start()
        with process:
            for line in process.stderr or ():
                if page := PAGE.fullmatch(line):
                    is_at(int(page[1]) if page[1] else None)
                elif line.strip():
                    said.append(line.decode(errors="replace").strip())
        timer.cancel()
        if is_late.is_set():
            raise NoPaperError("The PDF took too long. Narrow the report, or take XLSX.")
        if process.returncode:
            missing = any("cannot load library" in line for line in said)
            raise NoPaperError(
                INSTALL if missing else f"The PDF could not be made: {said[-1] if said else 'no reason'}"
            )
        made.seek(0)
        return made.read()


@cache
def style() -> SafeString:
    return mark_safe("\n".join(_sheet(name) for name in SHEETS))  # noqa: S308 - our own files


def with_style(picture: re.Match[str]) -> str:
    """A picture with the rules that it needs, their colours written out: WeasyPrint reads none of the page's in it."""
    needed = "".join(rule for name, rule in _picture_rules() if name in picture["rest"] or name in picture["tag"])
    return f"{picture['tag']}<style>{needed}</style>{picture['rest']}"


@cache
def _picture_rules() -> list[tuple[str, str]]:
    """Of what a picture has to name for the rule to matter to it, and the rule."""
    values = dict(DECLARED.findall(_sheet("tokens").partition("@media")[0]))
    rules = [("<text", f"text{{font-family:{values['--font']};font-size:7.5pt;fill:{values['--text-2']}}}")]
    for sheet in ("shell", "components", "reports"):
        for selectors, body in RULE.findall(_without_media(_sheet(sheet))):
            for selector in selectors.split(","):
                own = selector.strip().removeprefix(".tb-chart ")  # what stands outside of the picture
                name = PICTURED.match(own)
                if name:
                    rules.append((name[1], f"{own}{{{VARIABLE.sub(lambda found: values.get(found[1], ''), body)}}}"))
    return rules


def _without_media(css: str) -> str:
    """The rules that hold everywhere."""
    kept, depth, at = [], 0, 0
    for found in re.finditer(r"@media|[{}]", css):
        if depth == 0 and found[0] == "@media":
            kept.append(css[at : found.start()])
            depth = -1
        elif depth < 0:
            depth -= {"{": 1, "}": -1}.get(found[0], 0)
            if depth == -1:
                depth, at = 0, found.end()
    kept.append(css[at:])
    return "".join(kept)


def _sheet(name: str) -> str:
    found = finders.find(f"css/{name}.css")
    return Path(str(found)).read_text(encoding="utf-8")
