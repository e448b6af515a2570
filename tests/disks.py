"""Small disks of a test's own, which can be full, or refuse to be written."""

import contextlib
import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@contextlib.contextmanager
def mounted(*options: str) -> Iterator[Path]:
    """A disk in memory with these options of `mount`, gone after the block."""
    place = Path(tempfile.mkdtemp(prefix="nbq-disk-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(("mode=0700", *options)), "tmpfs", place], check=True)
    try:
        yield place
    finally:
        # what was ended may hold it for a moment
        wait_until(functools.partial(_unmounted, place))
        place.rmdir()


def fill(path: Path) -> None:
    """Write into a file until nothing more goes onto its disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def _unmounted(place: Path) -> bool:
    return subprocess.run(["umount", place], check=False, capture_output=True).returncode == 0
