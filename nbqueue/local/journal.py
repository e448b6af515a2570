"""The server's append-only files: telling that they are damaged, and keeping a copy before anybody touches them."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from nbqueue.errors import LocalStackError
from nbqueue.local.failures import free_bytes
from nbqueue.local.home import Home

#: what the server says when it cannot read its files
_DAMAGE = re.compile(
    r"append.?only file|AOF|RDB|manifest|Fatal error loading|Unrecoverable error|Wrong signature|Short read",
    re.IGNORECASE,
)


def is_damaged(said: list[str]) -> bool:
    """Whether a server that ended blamed its files; `said` are the lines of its log."""
    return any(_DAMAGE.search(line) for line in said if " # " in line)


def damage(home: Home, said: list[str]) -> LocalStackError:
    """The error for unreadable files; a copy of them is kept, once for each state they are found in."""
    blame = next((line.partition(" # ")[2] for line in said if " # " in line and _DAMAGE.search(line)), "")
    return LocalStackError(
        f"The local server's journal in {home.journal} is damaged and was not loaded ({blame}); {_kept(home)}. "
        f"Nothing was deleted: to begin with an empty queue, move {home.journal} away and start again."
    )


def _kept(home: Home) -> str:
    target = home.server / f"damaged-{_digest(home.journal)}"
    if target.exists():
        return f"a copy is kept in {target}"
    size = sum(path.stat().st_size for path in home.journal.iterdir())
    if size > free_bytes(home.server):
        return f"there is no room for a copy of its {size} bytes"
    draft = target.with_name(target.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(home.journal, draft)
    draft.rename(target)
    return f"a copy is kept in {target}"


def _digest(folder: Path) -> str:
    """Names a state of the files, so that the same damage is copied once."""
    state = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.iterdir())]
    return hashlib.sha256(repr(state).encode()).hexdigest()[:8]
