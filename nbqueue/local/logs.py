"""Log files that do not grow for ever, and their last lines."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from nbqueue.local.home import open_private

#: a log over this size is moved to `<name>.1` and begun anew
LIMIT_BYTES = 5 * 2**20


def cap(path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Begin a log that grew too large anew; its writers keep their place, as they append."""
    try:
        if path.stat().st_size <= limit_bytes:
            return
        older = path.with_name(path.name + ".1")
        older.unlink(missing_ok=True)
        with path.open("rb") as source, open_private(older, "xb") as target:
            shutil.copyfileobj(source, target)
        os.truncate(path, 0)
    except FileNotFoundError:
        return


def size_bytes(path: Path) -> int:
    """How long a log is now; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def lines_since(path: Path, offset: int) -> list[str]:
    """What was written to a log after it had `offset` bytes."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return [line.rstrip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
