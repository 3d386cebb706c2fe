"""HTML on standard input to PDF on standard output, in a process of its own. Nothing is fetched."""

import sys
from typing import Any


def main() -> None:
    from weasyprint import HTML  # noqa: PLC0415 - an optional package

    def fetch(url: str, *_args: Any, **_options: Any) -> dict[str, Any]:
        raise ValueError(f"{url} is not to be fetched")

    sys.stdout.buffer.write(HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=fetch).write_pdf())


if __name__ == "__main__":
    main()
