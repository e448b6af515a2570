"""Other versions of ipykernel for the kernels of tests, each in a folder of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: the oldest that is supported: its kernels hear of clicks, and of threads, otherwise than those of today
OLDEST = "ipykernel==6.29.5"
#: what `make kernels` sets: the requirement that all kernels are to be of
WANTED = "TEST_IPYKERNEL"
#: where that lies
AT = "TEST_IPYKERNEL_AT"
#: the legacy package is a dependency of older versions
_WITH = "nest-asyncio"
_QUIET = ("-qq", "--no-input", "--disable-pip-version-check", "--no-compile")


def python_path() -> str:
    """What the path of a kernel begins with: another ipykernel, where one is wanted, and this project."""
    return os.pathsep.join(filter(None, (os.environ.get(AT, ""), str(ROOT))))


def folder_of(requirement: str, cache: Path) -> Path | None:
    """A folder that holds this ipykernel, kept from run to run; None where pip cannot have it."""
    place = cache / requirement.removeprefix("ipykernel").replace("<", "below-").strip("=")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / "ipykernel_launcher.py").is_file():
            return place
        pip = [sys.executable, "-Im", "pip", "install", *_QUIET, "--no-deps", "--target", str(place)]
        done = subprocess.run([*pip, requirement, _WITH], check=False, capture_output=True)
    return place if done.returncode == 0 else None
