"""HTML on standard input to PDF on standard output, in a process of its own. Nothing is fetched.

On standard error it says of each page that it is being laid out: `page 7`; and when all of them are drawn: `drawing`.
"""

import logging
import sys
from typing import Any


class _Pages(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if "Page %d" in str(record.msg) and isinstance(record.args, tuple):
            sys.stderr.write(f"page {record.args[0]}\n")
            sys.stderr.flush()
        elif "Creating PDF" in str(record.msg):
            sys.stderr.write("drawing\n")
            sys.stderr.flush()


def main() -> None:
    from weasyprint import HTML  # noqa: PLC0415 - an optional package

    def fetch(url: str, *_args: Any, **_options: Any) -> dict[str, Any]:
        raise ValueError(f"{url} is not to be fetched")

    progress = logging.getLogger("weasyprint.progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(_Pages())
    sys.stdout.buffer.write(HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=fetch).write_pdf())


if __name__ == "__main__":
    main()
