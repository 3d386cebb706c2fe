"""What the settings find or make on disk at the first start."""

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
