"""The text of a PDF as WeasyPrint writes it, read back with nothing but the standard library.

Text is drawn in runs of glyphs, each a number in one of the fonts; a table of the font says which character it is.
"""

import re
import zlib
from html import unescape

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
STREAM = re.compile(rb"(.*?)stream\r?\n(.*)\r?\nendstream", re.DOTALL)
PACKED = re.compile(rb"/Type /ObjStm/N (\d+)/First (\d+)")
FONTS = re.compile(rb"/([A-Z]{6}) (\d+) 0 R")
CHARACTERS = re.compile(rb"<([0-9a-f]{4})> <([0-9a-f]+)>")
DRAWN = re.compile(rb"BT\n|/([A-Z]{6}) [\d.]+ Tf|<([0-9a-f]+)>")


class Paper:
    """`pages` has the runs of text of each page, in the order in which they are drawn."""

    def __init__(self, pdf: bytes) -> None:
        self._objects: dict[int, bytes] = {}
        self._streams: dict[int, bytes] = {}
        for number, content in OBJECT.findall(pdf):
            self._read(int(number), content)
        fonts = {name: int(number) for content in self._objects.values() for name, number in FONTS.findall(content)}
        self._fonts = {name: self._characters(number) for name, number in fonts.items()}
        pages = [content for _, content in sorted(self._objects.items()) if b"/Type /Page/" in content + b"/"]
        self.pages = [self._runs(self._streams[self._reference(page, b"Contents")]) for page in pages]

    def _read(self, number: int, content: bytes) -> None:
        stream = STREAM.match(content)
        if not stream:
            self._objects[number] = content
            return
        self._objects[number], data = stream.groups()
        self._streams[number] = zlib.decompress(data) if b"/FlateDecode" in stream[1] else data
        if packed := PACKED.search(stream[1]):
            count, first = map(int, packed.groups())
            text = self._streams[number]
            head = list(map(int, text[:first].split()))
            numbers, starts = head[: 2 * count : 2], [first + start for start in head[1 : 2 * count : 2]]
            for inner, start, end in zip(numbers, starts, [*starts[1:], len(text)], strict=True):
                self._objects[inner] = text[start:end]

    def _reference(self, content: bytes, name: bytes) -> int:
        found = re.search(rb"/%s (\d+) 0 R" % name, content)
        assert found, (name, content[:200])
        return int(found[1])

    def _characters(self, font: int) -> dict[bytes, str]:
        table = self._streams[self._reference(self._objects[font], b"ToUnicode")]
        return {glyph: bytes.fromhex(code.decode()).decode("utf-16-be") for glyph, code in CHARACTERS.findall(table)}

    def _runs(self, content: bytes) -> list[str]:
        runs: list[str] = []
        font: dict[bytes, str] = {}
        for drawn in DRAWN.finditer(content):
            name, glyphs = drawn.groups()
            if name:
                font = self._fonts[name]
            elif glyphs:
                runs[-1] += "".join(font[glyphs[at : at + 4]] for at in range(0, len(glyphs), 4))
            else:
                runs.append("")
        return runs


def words(html: str) -> str:
    """What is read of it, without spaces: a PDF says where letters stand, and not where words end."""
    return "".join(unescape(re.sub(r"<title>.*?</title>|<[^>]+>", "", html)).split())


def text_of(pdf: bytes) -> str:
    return "".join("".join(run for page in Paper(pdf).pages for run in page).split())
