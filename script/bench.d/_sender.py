"""Sends lines into a socket by the clock, in a process of its own, and never waits for an answer.

    python _sender.py FILE HOST:PORT RATE SENT      RATE lines a second; 0: as fast as the socket takes them

Line k is due at begin + k / RATE, whatever became of those before. SENT gets, as doubles of the system's monotonic
clock, when each line was due (or, without a rate, was handed over). Prints one JSON object: the longest time that one
send was blocked, and by how much the sender itself was late at worst, both in milliseconds.
"""

import json
import socket
import sys
import time
from array import array

CHUNK_LINES = 100


def main(path: str, address: str, rate: float, sent: str) -> None:
    with open(path, "rb") as file:
        lines = file.readlines()
    host, _, port = address.rpartition(":")
    stamps, longest, latest = array("d"), 0.0, 0.0
    with socket.create_connection((host, int(port))) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = time.monotonic() + (0.2 if rate else 0.0)
        done = 0
        while done < len(lines):
            now = time.monotonic()
            due = int((now - begin) * rate) + 1 if rate else done + CHUNK_LINES
            if due <= done:
                time.sleep(max(begin + done / rate - now, 0))
                continue
            group = lines[done:due]
            if rate:
                stamps.extend(begin + k / rate for k in range(done, done + len(group)))
                latest = max(latest, now - (begin + done / rate))
            else:
                stamps.extend([now] * len(group))
            before = time.monotonic()
            peer.sendall(b"".join(group))
            longest = max(longest, time.monotonic() - before)
            done += len(group)
        seconds = time.monotonic() - begin
        peer.shutdown(socket.SHUT_WR)
        peer.recv(1)
    with open(sent, "wb") as file:
        stamps.tofile(file)
    print(json.dumps({"lines": done, "seconds": seconds, "blocked_ms": longest * 1e3, "late_ms": latest * 1e3}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
