"""A place like hubs and Binder: a user without a name, one processor, no network, a disk that runs nothing."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

#: /tmp is a disk of its own from which nothing can be run; HOME has a long name, and its parent cannot be written
_ENTER = """
set -e
mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp
place=/tmp/$(printf 'a%.0s' $(seq 120))
mkdir -p $place/home
chmod 555 $place
export HOME=$place/home
cd $HOME
exec unshare --user --map-user=54321 taskset -c 0 "$@"
"""
_NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")


def run_in_hub(
    *arguments: str, network: bool = False, env: Mapping[str, str] | None = None, path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Python there; all that it started ends with it.

    Args:
        arguments: of Python.
        network: whether there is one; without it there is not even a loopback.
        env: what the environment has beside PATH.
        path: folders to import from.
    """
    apart = _NAMESPACES if network else (*_NAMESPACES, "--net")
    return subprocess.run(
        [*apart, "sh", "-c", _ENTER, "sh", sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, path)), **(env or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
