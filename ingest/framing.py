"""Bytes of a connection or a file into lines, whatever the sizes in which they arrive.

A line ends at LF; one CR before it belongs to the end. Empty lines are no lines. Memory is bounded: of a line
longer than the limit only the beginning is kept, with a fault.
"""

from enum import IntEnum

MAX_LINE_BYTES = 4096

Frame = tuple[bytes, int]


class Fault(IntEnum):
    """Why a frame cannot be a line. Stored in the journal: never renumber."""

    NONE = 0
    OVERLONG = 1
    UNTERMINATED = 2

    @property
    def sentence(self) -> str:
        """For people."""
        return FAULT_SENTENCES[self]


FAULT_SENTENCES = {
    Fault.NONE: "The line arrived whole.",
    Fault.OVERLONG: "No line end within the longest line allowed; only the beginning was kept. It is no SMDR.",
    Fault.UNTERMINATED: "The connection or file ended in the middle of this line.",
}


class LineFramer:
    """Frames of one connection: ``(line, fault)``, the line without its end.

    `discarded_bytes` counts what was cut off overlong lines, a CR before the line end included; `blank_lines` those
    that had nothing but an end.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.max_line_bytes = max_line_bytes
        self.discarded_bytes = 0
        self.blank_lines = 0
        self._rest = b""
        self._skipping = False

    @property
    def pending_bytes(self) -> int:
        """How much of a line without an end is held."""
        return len(self._rest)

    @property
    def is_mid_line(self) -> bool:
        """Whether the last byte was no line end: a line is held, or the rest of an overlong one is awaited."""
        return self._skipping or bool(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """The lines that `data` completes."""
        if self._skipping:
            end = data.find(b"\n")
            if end < 0:
                self.discarded_bytes += len(data)
                return []
            self.discarded_bytes += end
            self._skipping = False
            data = data[end + 1 :]
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        limit = self.max_line_bytes
        frames: list[Frame] = []
        for raw in lines:
            line = raw[:-1] if raw.endswith(b"\r") else raw
            if len(line) > limit:
                frames.append(self._cut(raw))
            elif line:
                frames.append((line, 0))
        self.blank_lines += len(lines) - len(frames)
        if len(self._rest) > limit + 1:  # one more may be the CR of a line that is just short enough
            frames.append(self._cut(self._rest))
            self._rest = b""
            self._skipping = True
        return frames

    def close(self) -> list[Frame]:
        """What is left when no more will come."""
        raw, self._rest, self._skipping = self._rest, b"", False
        line = raw.removesuffix(b"\r")
        if len(line) > self.max_line_bytes:
            return [self._cut(raw)]
        return [(line, Fault.UNTERMINATED)] if line else []

    def _cut(self, raw: bytes) -> Frame:
        self.discarded_bytes += len(raw) - self.max_line_bytes
        return raw[: self.max_line_bytes], Fault.OVERLONG
