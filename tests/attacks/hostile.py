"""Jobs that turn against the processes above them."""

import json
import os
import signal
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path


def descriptors() -> dict[int, str]:
    """What this process has open, but for the listing itself."""
    found = {}
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found[int(path.name)] = str(path.readlink())
    return found


def environment() -> str:
    """All variables, as they are and as they were at the start."""
    return Path("/proc/self/environ").read_bytes().decode(errors="replace") + str(dict(os.environ))


def network() -> list[str]:
    """The network connections of this process."""
    sockets = {link for link in descriptors().values() if link.startswith("socket:")}
    nodes = {link[8:-1] for link in sockets}
    rows = [line for kind in ("tcp", "tcp6", "udp") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    named = [line for line in Path("/proc/net/unix").read_text().splitlines()[1:] if len(line.split()) > 7]
    return [row for row in rows if row.split()[9] in nodes] + [row for row in named if row.split()[6] in nodes]


def stay(folder: str) -> int:
    """Say which process this is, and wait to be looked at."""
    Path(folder, "pid").write_text(str(os.getpid()))
    while not Path(folder, "seen").exists():
        time.sleep(0.01)
    return os.getpid()


def kill_above(steps: int, only_once: str) -> str:
    """Kill the zygote (1) or the engine (2), the first time this runs."""
    try:
        Path(only_once).mkdir()
    except FileExistsError:
        return "ran again"
    pid = os.getpid()
    for _ in range(steps):
        stat = Path(f"/proc/{pid}/stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    os.kill(pid, signal.SIGKILL)
    time.sleep(10)
    return "survived"


def _control() -> socket.socket:
    number = next(number for number, link in descriptors().items() if link.startswith("socket:"))
    return socket.socket(fileno=os.dup(number))


def frame(header: object, payload: bytes = b"") -> bytes:
    """What a child sends, with whatever in it."""
    text = json.dumps(header, ensure_ascii=False).encode()
    return struct.pack(">II", len(text), len(payload)) + text + payload


def noise(kind: str) -> str:
    """Write what no child should write to the control socket, again and again."""
    big = "\u00e9" * 80_000
    error = {"type": big, "message": big, "traceback": big, "bases": [big], "retry_after_s": None}
    data = {
        "garbage": b"\xff" * 1000,
        "no JSON": struct.pack(">II", 4, 0) + b"true",
        "header over the limit": struct.pack(">II", 2**31, 0),
        "payload over the limit": struct.pack(">II", 10, 2**32 - 1),
        "deep": struct.pack(">II", 200_000, 0) + b"[" * 200_000,
        "unknown type": frame({"t": "shell", "n": _own_number(), "cmd": "id"}),
        "end of a wrong shape": frame({"t": "end", "n": _own_number(), "how": "returned", "codec": 7}),
        "end of an unknown encoding": frame(
            {"t": "end", "n": _own_number(), "how": "returned", "codec": "x" * 500_000}
        ),
        "error of a wrong shape": frame({"t": "end", "n": _own_number(), "how": "raised", "error": {"type": 1}}),
        "error over the limit": frame({"t": "end", "n": _own_number(), "how": "raised", "error": error}),
    }[kind]
    _control().sendall(data)
    time.sleep(20)
    return "survived"


def ends_of_others() -> str:
    """Say that all other jobs have ended, and send progress that is none, for this one and for them."""
    control, own = _control(), _own_number()
    for number in range(max(0, own - 50), own + 50):
        if number != own:
            control.sendall(frame({"t": "end", "n": number, "how": "returned", "codec": "pickle"}, b"\x80\x04N."))
        wire = {"done": "many", "total": [1], "message": {"a": 1}, "metrics": "no"}
        control.sendall(frame({"t": "progress", "n": number, "p": wire}))
        control.sendall(frame({"t": "checkpoint", "n": number}, b"not one"))
    return "done"


def _own_number() -> int:
    """The number of the one run in this process."""
    import gc

    from nbqueue.children.visit import Visit

    return max(each.number for each in gc.get_objects() if isinstance(each, Visit))
