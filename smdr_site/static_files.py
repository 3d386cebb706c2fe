"""Static files as they are now: ours, and those that come inside packages."""

from pathlib import Path
from typing import Any

from django.http import HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Looks at a file's size and time before it serves it.

    WhiteNoise remembers them from its start. After a checkout or an upgrade in place it would promise the old length
    and send the new file: a browser then waits for bytes that never come.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._seen: dict[str, tuple[str, tuple[int, int] | None]] = {}  # by URL
        super().__init__(*arguments, **options)

    def __call__(self, request: HttpRequest) -> Any:
        url = request.path_info
        if url in self._seen:
            path, seen = self._seen[url]
            if (now := _look(path)) is None:
                self.files.pop(url, None)
            elif now != seen:
                self.add_file_to_dictionary(url, path)
        return super().__call__(request)

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        self._seen[url] = path, _look(path)
        super().add_file_to_dictionary(url, path)


def _look(path: str) -> tuple[int, int] | None:
    """None if it is gone."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
