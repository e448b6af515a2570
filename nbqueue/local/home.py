"""The folder of the local stack: which file lies where, and that nobody else can read it."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from nbqueue.errors import LocalStackError

#: only the owner may enter
FOLDER_MODE = 0o700
#: only the owner may read
FILE_MODE = 0o600
#: what group and others must not have
FOREIGN_BITS = 0o077


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one local stack lies."""

    #: NBQUEUE_HOME
    path: Path

    @property
    def server(self) -> Path:
        """The server's folder: its configuration, passwords, locks and data."""
        return self.path / "server"

    @property
    def data(self) -> Path:
        """The server's working folder, which holds the journal."""
        return self.server / "data"

    @property
    def journal(self) -> Path:
        """The folder of the append-only files."""
        return self.data / "appendonlydir"

    @property
    def configuration(self) -> Path:
        """The configuration the server was last started with."""
        return self.server / "valkey.conf"

    @property
    def server_log(self) -> Path:
        """What the server says."""
        return self.server / "valkey.log"

    @property
    def server_record(self) -> Path:
        """The server's process id and start mark."""
        return self.server / "server.json"

    @property
    def socket_record(self) -> Path:
        """Says where the socket is when the home's own path is too long for one."""
        return self.server / "socket.path"

    @property
    def host(self) -> Path:
        """Names the machine that the server was last started on, for homes that several machines see."""
        return self.server / "host"

    @property
    def client_password(self) -> Path:
        """The password of clients and workers."""
        return self.server / "client.password"

    @property
    def admin_password(self) -> Path:
        """The password of the user that may shut the server down."""
        return self.server / "admin.password"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts or stops something."""
        return self.server / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server for its life."""
        return self.server / "server.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper for its life."""
        return self.server / "keeper.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the local worker for its life."""
        return self.server / "worker.lock"

    @property
    def keeper_record(self) -> Path:
        """The keeper's process id and start mark."""
        return self.server / "keeper.json"

    @property
    def worker_record(self) -> Path:
        """The local worker's process id and start mark."""
        return self.server / "worker.json"

    @property
    def last_use(self) -> Path:
        """Touched by each `ensure`; its age counts towards the idle time."""
        return self.server / "last-use"

    @property
    def ended(self) -> Path:
        """There from the time somebody ended the stack until somebody starts it."""
        return self.server / "ended"

    @property
    def keeper_log(self) -> Path:
        """What the keeper did and why."""
        return self.path / "keeper.log"

    @property
    def worker_log(self) -> Path:
        """The output of the local worker."""
        return self.path / "worker.log"


def is_there(home: Home) -> bool:
    """Whether a stack was ever started here."""
    return home.server.is_dir()


def prepare(home: Home) -> None:
    """Create the folders that are missing, private whatever the umask says, and check the others."""
    for folder in reversed(home.path.parents):
        make_private(folder)
    for folder in (home.path, home.server, home.data):
        make_private(folder)
        _check(folder)


def check(home: Home) -> None:
    """Refuse folders that belong to somebody else or that others can enter."""
    for folder in (home.path, home.server):
        _check(folder)


def make_private(folder: Path) -> bool:
    """Create one folder with mode 0700; False if something of that name is there already."""
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        return False
    except OSError:
        if folder.is_dir():
            return False
        raise
    folder.chmod(FOLDER_MODE)
    return True


def privacy_fault(folder: Path) -> str:
    """Why a folder is not ours alone, with what to do about it; empty if it is."""
    found = os.lstat(folder)
    if stat.S_ISLNK(found.st_mode):
        target = folder.resolve()
        return f"it is a link to {target}; give that path itself as NBQUEUE_HOME"
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a folder; move it away or set NBQUEUE_HOME to another path"
    if found.st_uid != os.geteuid():
        return f"it belongs to user {found.st_uid}, not to you ({os.geteuid()}); set NBQUEUE_HOME to a folder of yours"
    if found.st_mode & FOREIGN_BITS:
        return f"others can enter it (mode {stat.S_IMODE(found.st_mode):04o}); run: chmod 700 {folder}"
    return ""


def write_private(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file of mode 0600 as a whole: a reader sees the old text or the new, if asked after a power cut too."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def open_private(path: Path, mode: Literal["ab", "xb"]) -> BinaryIO:
    """Open a file to append to it ("ab") or to create it ("xb"); mode 0600 if it is new."""
    return open(path, mode, opener=_private)


def read_if_there(path: Path) -> str:
    """The text of a file, or an empty text."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _check(folder: Path) -> None:
    fault = privacy_fault(folder)
    if fault:
        raise LocalStackError(f"The folder {folder} cannot hold the local stack: {fault}.")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
