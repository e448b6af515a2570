"""Where the server's socket lies: in the home, or in a short folder when the home's path is too long."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from nbqueue.errors import LocalStackError
from nbqueue.local.home import Home, make_private, privacy_fault, read_if_there, write_private

#: a socket address holds 104 bytes on macOS, the last of them a zero
LIMIT_BYTES = 103
SOCKET_NAME = "valkey.sock"
#: where short folders may lie when the user's own places do not do; what is found there is checked before use
PLACES = ("/tmp", "/var/tmp")  # noqa: S108
#: names tried in one folder when others have taken the first
TRIES = 8


def find(home: Home) -> Path | None:
    """The socket of this home, or None where none was chosen yet; refuses a folder that is not ours."""
    usual = home.server / SOCKET_NAME
    recorded = read_if_there(home.socket_record) if not _fits(usual) else ""
    if _fits(usual):
        return usual
    return Path(recorded) if recorded and _is_ours(Path(recorded).parent) else None


def choose(home: Home) -> Path:
    """The socket of this home; makes and records a short private folder where one is needed."""
    known = find(home)
    if known is not None:
        return known
    folder = _short_folder(hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12])
    if folder is None:
        raise LocalStackError(
            f"The path {home.path} is too long for a socket ({LIMIT_BYTES} bytes with /server/{SOCKET_NAME}) and no "
            f"short private folder could be made in {_places()}: set NBQUEUE_HOME to a shorter path."
        )
    write_private(home.socket_record, os.fspath(folder / SOCKET_NAME))
    return folder / SOCKET_NAME


def _short_folder(digest: str) -> Path | None:
    """A folder of ours for one socket, in the first place that allows it."""
    for place in _places():
        for number in range(TRIES):
            folder = place / f"nbq-{os.geteuid()}-{digest}{f'-{number}' if number else ''}"
            if _fits(folder / SOCKET_NAME) and _keeps_names(place) and _made_or_ours(folder):
                return folder
    return None


def _places() -> list[Path]:
    named = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), *PLACES)
    return [Path(name) for name in dict.fromkeys(named) if name and Path(name).is_absolute()]


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LIMIT_BYTES


def _keeps_names(place: Path) -> bool:
    """Whether nobody else can rename what we put into a folder: not writable for others, or sticky."""
    try:
        mode = place.stat().st_mode
    except OSError:
        return False
    return not mode & (stat.S_IWGRP | stat.S_IWOTH) or bool(mode & stat.S_ISVTX)


def _made_or_ours(folder: Path) -> bool:
    try:
        return make_private(folder) or _is_ours(folder)
    except OSError:
        return False


def _is_ours(folder: Path) -> bool:
    try:
        return not privacy_fault(folder)
    except OSError:
        return False
