"""What the settings find or make on disk at the first start, and numbers that are checked as they are read."""

import os
import secrets
from pathlib import Path


def data_directory(path: str) -> Path:
    """The folder of database, journal and secret; made if absent, readable by its owner only."""
    directory = Path(path).expanduser().resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def secret_key(directory: Path) -> str:
    """The signing key kept in `directory`, made once. Two processes starting together agree on one."""
    path = directory / "secret_key"
    if not path.exists():
        draft = directory / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def whole_number(name: str, *, default: int, least: int, most: int) -> int:
    """The variable `name` as a number within bounds. Ends the process with one clear line if it is none.

    A limit that is wrong must not be found out under attack, nor cost a traceback at the start.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if text.isascii() and text.isdigit() and least <= int(text[:12]) <= most:
        return int(text)
    raise SystemExit(f"{name} is {text[:40]!r}; it must be a whole number from {least} to {most}.")
