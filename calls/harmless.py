"""Text from a peer, made harmless to whoever reads it: a terminal, a log, a page, a program that splits lines.

Pure Python. Stored text stays as received; what leaves is treated here. Dangerous are control characters, which drive
a terminal or forge a line, the separators that some programs take for line ends, and the controls of writing
direction, which make text read as something else.
"""

import json
import re
from typing import Any

DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
SEPARATORS = "\u2028\u2029"
DANGEROUS = re.compile(f"[\x00-\x1f\x7f-\x9f{DIRECTIONS}{SEPARATORS}]")
DANGEROUS_IN_LAYOUT = re.compile(  # but tab and line end
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{DIRECTIONS}{SEPARATORS}]|\r(?!\n)"
)
DANGEROUS_IN_PAGE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{DIRECTIONS}{SEPARATORS}]")  # and carriage return
_encode = json.JSONEncoder(ensure_ascii=False).encode


def visible(text: str) -> str:
    """One line of text in which what is dangerous is written out: ``\\u001b``, ``\\u202e``."""
    return DANGEROUS.sub(_written_out, text)


def visible_lines(text: str) -> str:
    """The same for text whose line ends and tabs are ours."""
    return DANGEROUS_IN_LAYOUT.sub(_written_out, text)


def visible_page(text: str) -> str:
    """The same for HTML of ours with text of theirs in it."""
    return DANGEROUS_IN_PAGE.sub(_written_out, text)


def json_line(value: Any) -> str:
    """JSON on one line, exact and readable: only what is dangerous is escaped, by JSON's own rule."""
    text = _encode(value)
    is_harmless = text.isascii() and "\x7f" not in text  # JSON itself escapes the control characters before it
    return text if is_harmless else DANGEROUS.sub(_written_out, text)


def json_shown(value: Any) -> str:
    """Short JSON for a page to show: what is dangerous in a page arrives written out."""
    return DANGEROUS.sub(_written_out_in_json, json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _written_out(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _written_out_in_json(match: re.Match[str]) -> str:
    return f"\\\\u{ord(match[0]):04x}"
