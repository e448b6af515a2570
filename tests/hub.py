"""A place like hubs and Binder: a user without a name, one processor, no IPv6, a disk that runs nothing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: /tmp, and where HOME is, are disks from which nothing can be run; HOME has a long name, and its parent is read-only
_ENTER = """
set -e
"$1" -Sc "$LOOPBACK"
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 || true
case "$1$PYTHONPATH" in
  */tmp/*) ;;  # what runs lies there itself
  *) mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp ;;
esac
mount -t tmpfs -o noexec,mode=1777 tmpfs /mnt
place=/mnt/$(printf 'a%.0s' $(seq 120))
mkdir -p $place/home
chmod 555 $place
export HOME=$place/home
cd $HOME
exec unshare --user --map-user=54321 taskset -c 0 "$@"
"""
#: a network of its own has nothing but a loopback, which is down
_LOOPBACK = """
import fcntl, socket, struct
with socket.socket() as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
"""
_NAMESPACES = (
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--net",
)


def run_in_hub(
    *arguments: str, python: Path = Path(sys.executable), path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Python there; all that it started ends with it.

    Args:
        arguments: of Python.
        python: which one.
        path: folders to import from.
    """
    return subprocess.run(
        [*_NAMESPACES, "sh", "-c", _ENTER, "sh", python, *arguments],
        env={"PATH": os.environ["PATH"], "LOOPBACK": _LOOPBACK, "PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
