"""The server's append-only files after a crash: a torn last write is cut off, real damage is reported, a copy kept."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from nbqueue.errors import LocalStackError
from nbqueue.local.failures import free_bytes
from nbqueue.local.home import Home, open_private

#: what the server says when it cannot read its files
_DAMAGE = re.compile(
    r"append.?only|AOF|RDB|manifest|loading DB|loading the DB|Unrecoverable error|Wrong signature|Short read",
    re.IGNORECASE,
)
#: what it says when a file ends in the middle of a command
_ENDS_EARLY = re.compile(r"Unexpected end of file reading the append only file (\S+?)\.? ")
#: what its checker prints: up to where commands and transactions are whole, and where it could not read on
_WHOLE_UP_TO = re.compile(rb"ok_up_to=(\d+)")
_STUCK_AT = re.compile(rb"^0x\s*([0-9a-f]+):", re.MULTILINE)
#: the beginning of one more command; behind the place where reading stopped it means that nothing was torn there
_LATER_COMMAND = re.compile(rb"\r\n\*\d+\r\n\$\d+\r\n")
#: the server's program is its checker when it is called so
_CHECKER = "valkey-check-aof"


def is_damaged(said: list[str]) -> bool:
    """Whether a server that ended blamed its files; `said` are the lines of its log."""
    return any(_DAMAGE.search(line) for line in _warnings(said))


def cut_torn_tail(home: Home, program: Path, said: list[str]) -> bool:
    """Cut off, and keep aside, the one write that a power cut left unfinished and that was thus never acknowledged.

    Nothing is cut where readable commands follow: then the file is damaged, and what follows was acknowledged.
    """
    named = next((match[1] for line in _warnings(said) if (match := _ENDS_EARLY.search(line))), "")
    path = home.journal / Path(named).name
    if not named or not path.is_file():
        return False
    whole, stuck = _whole_bytes(program, path)
    data = path.read_bytes()
    if whole is None or _LATER_COMMAND.search(data, stuck):
        return False
    with open_private(home.server / f"torn-{_digest([path])}", "ab") as file:
        file.write(data[whole:])
    os.truncate(path, whole)
    return True


def damage(home: Home, said: list[str]) -> LocalStackError:
    """The error for unreadable files; a copy of them is kept, once for each state they are found in."""
    blame = next((line for line in _warnings(said) if _DAMAGE.search(line)), "")
    return LocalStackError(
        f"The local server's journal in {home.journal} is damaged and was not loaded ({blame.partition(':')[0]}); "
        f"{_kept(home)}. Nothing was deleted: to begin with an empty queue, move {home.journal} away and start again."
    )


def _warnings(said: list[str]) -> list[str]:
    """The lines of a log that the server marks as serious, without their date."""
    return [line.partition(" # ")[2] for line in said if " # " in line]


def _whole_bytes(program: Path, path: Path) -> tuple[int | None, int]:
    """How much of a file is whole, and where reading stops, as the server's own checker finds."""
    checker = subprocess.run(  # noqa: S603 (our own command)
        [_CHECKER, str(path)],
        executable=program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    whole, stuck = _WHOLE_UP_TO.search(checker.stdout), _STUCK_AT.search(checker.stdout)
    upto = int(whole[1]) if whole else None
    return upto, int(stuck[1], 16) if stuck else upto or 0


def _kept(home: Home) -> str:
    """Copy the files as they are now, and say where to."""
    files = sorted(path for path in home.journal.glob("*") if path.is_file())
    target = home.server / f"damaged-{_digest(files)}"
    if target.exists():
        return f"a copy is kept in {target}"
    size = sum(path.stat().st_size for path in files)
    if size > free_bytes(home.server):
        return f"there is no room for a copy of its {size} bytes"
    draft = target.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(0o700)
    for path in files:
        shutil.copy2(path, draft)
    draft.rename(target)
    return f"a copy is kept in {target}"


def _digest(files: list[Path]) -> str:
    """Names a state of the files, so that the same damage is copied once."""
    state = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(state).encode()).hexdigest()[:8]
