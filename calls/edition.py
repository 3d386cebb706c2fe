"""Which edition of the board's page and scripts this process serves, so that an old page knows that it is old."""

from hashlib import sha256
from pathlib import Path

from django.conf import settings

PARTS = ("static/js", "static/css", "templates/board")


def _edition(base: Path) -> str:
    digest = sha256()
    for part in PARTS:
        for file in sorted((base / part).rglob("*.*")):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


EDITION = _edition(Path(settings.BASE_DIR))
