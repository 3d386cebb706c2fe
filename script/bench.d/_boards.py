"""Board sockets that only listen, in a process of their own, and when each message came whole.

    python _boards.py HOST:PORT COOKIE SOCKETS HEARD

Prints "ready" once every socket has its snapshot, and listens until its standard input ends. HEARD then gets a JSON
object a line, of each message: its `seq`, the system's monotonic clock when the first and when the last socket had it,
`sockets` that had it, and `text`, as the first socket had it.
"""

import json
import os
import re
import select
import socket
import sys
import time

SEQ = re.compile(rb'"seq":(\d+)')
HEAD = 120  # bytes in which the seq stands
MOST_READ = 1 << 16
PAUSE_SECONDS = 0.003


class Board:
    """One WebSocket of the board: `messages()` are those that are whole by now."""

    def __init__(self, address: str, cookie: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.buffer = bytearray()
        self.socket.sendall(
            f"GET /ws/board/ HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: sessionid={cookie}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.buffer:
            self.take(self.socket.recv(MOST_READ))
        answer, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        if b" 101 " not in answer.splitlines()[0]:
            raise RuntimeError(f"the board did not open: {answer[:200]!r}")
        self.buffer = bytearray(rest)

    def take(self, data: bytes) -> None:
        if not data:
            raise RuntimeError("the board was closed")
        self.buffer += data

    def messages(self) -> list[bytes]:
        found = []
        while len(self.buffer) >= 2:
            length, start = self.buffer[1], 2
            if length >= 126:
                start = 4 if length == 126 else 10
                length = int.from_bytes(self.buffer[2:start], "big") if len(self.buffer) >= start else 1 << 60
            if len(self.buffer) < start + length:
                break
            opcode, message = self.buffer[0] & 15, bytes(self.buffer[start : start + length])
            del self.buffer[: start + length]
            if opcode == 9:
                self.socket.sendall(b"\x8a\x80\0\0\0\0")
            elif opcode == 1:
                found.append(message)
        return found


class Listening:
    """All of the boards, and what they heard: seq → when it came first and last, and to how many.

    Five hundred receipts that are looked into one by one would be measured themselves: bytes are read, with the time,
    as long as any come, and taken apart in the pause after them.
    """

    def __init__(self) -> None:
        self.heard: dict[int, list[float]] = {}
        self.texts: dict[int, bytes] = {}
        self._boards: dict[int, Board] = {}
        self._arrived: list[tuple[int, float, bytes]] = []
        self._poll = select.epoll()

    def add(self, board: Board) -> None:
        self._boards[board.socket.fileno()] = board
        self._poll.register(board.socket, select.EPOLLIN)

    def until_input_ends(self) -> None:
        self._poll.register(0, select.EPOLLIN)
        while self.listen(PAUSE_SECONDS if self._arrived else None):
            pass
        self._take_apart()

    def listen(self, seconds: float | None) -> bool:
        """False once standard input has ended."""
        events = self._poll.poll(seconds)
        for descriptor, _ in events:
            data = os.read(descriptor, MOST_READ)
            if descriptor == 0:
                return bool(data)
            self._arrived.append((descriptor, time.monotonic(), data))
        if not events:
            self._take_apart()
        return True

    def _take_apart(self) -> None:
        arrived, self._arrived = self._arrived, []
        first = next(iter(self._boards.values()))
        for descriptor, at, data in arrived:
            board = self._boards[descriptor]
            board.take(data)
            for message in board.messages():
                seq = int(SEQ.search(message, 0, HEAD)[1])  # type: ignore[index]
                seen = self.heard.setdefault(seq, [at, at, 0])
                seen[0], seen[1], seen[2] = min(seen[0], at), max(seen[1], at), seen[2] + 1
                if board is first:
                    self.texts[seq] = message


def main(address: str, cookie: str, count: int, heard_file: str) -> None:
    listening = Listening()
    for _ in range(count):
        board = Board(address, cookie)
        while not board.messages():
            board.take(board.socket.recv(MOST_READ))
        listening.add(board)
        listening.listen(0)
    print("ready", flush=True)
    listening.until_input_ends()
    with open(heard_file, "w") as file:
        for seq, (first, last, sockets) in sorted(listening.heard.items()):
            text = listening.texts.get(seq, b"").decode()
            file.write(json.dumps({"seq": seq, "first": first, "last": last, "sockets": sockets, "text": text}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
