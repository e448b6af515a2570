"""Make .venv hold what a command needs, at the pins of constraints.txt; do nothing where it does already."""

import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PINS = ROOT / "constraints.txt"
PROJECT = ROOT / "pyproject.toml"
#: the extras of pyproject.toml that each command needs; what a later one holds serves an earlier one
NEEDS = {"demo": ("solvers", "evaluation"), "test": ("all", "dev")}
#: what installing nbqueue itself takes
BUILD = ("hatchling",)


def main(need: str) -> None:
    """Bring .venv to what `need` takes."""
    with PROJECT.open("rb") as project:
        # two commands started at once: the second waits for the first
        fcntl.flock(project, fcntl.LOCK_EX)
        if holds(need):
            return
        os.write(2, b"Installing into .venv (once, about half a minute) ...\n")
        renew()
        install(need)
        stamp(need).write_text(fingerprint(), encoding="utf-8")


def holds(need: str) -> bool:
    """Whether .venv was brought to what `need` takes, or more, from the files as they are now."""
    later = list(NEEDS)[list(NEEDS).index(need) :]
    return runs() and any(stamp(name).is_file() and stamp(name).read_text() == fingerprint() for name in later)


def stamp(need: str) -> Path:
    """The file that says for what .venv was made last."""
    return VENV / f"nbqueue-{need}.stamp"


def fingerprint() -> str:
    """A digest of all that decides what is installed: the pins, the project file, its folder and the Python."""
    parts = (PROJECT.read_bytes(), PINS.read_bytes(), os.fsencode(ROOT), sys.version.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def runs() -> bool:
    """Whether .venv has a Python that starts, of our version, with pip."""
    probe = "import pip, sys; print(sys.version)"
    try:
        answer = subprocess.run([PYTHON, "-Ic", probe], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return False
    return answer.stdout.strip() == sys.version.strip()


def renew() -> None:
    """Make an empty .venv unless there is a sound one."""
    if not runs():
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install(need: str) -> None:
    """Install the pinned packages, hashes checked, and nbqueue itself so that edits count at once.

    Compiling is left to the first import of each module: it would double the time.
    """
    roots = VENV / "roots.txt"
    roots.write_text("\n".join((*requirements(need), *BUILD)), encoding="utf-8")
    pip = VENV / "pip.txt"
    pip.write_text(pinned("pip"), encoding="utf-8")
    # older ones cannot check hashes that stand in a constraints file
    run_pip("-r", str(pip))
    run_pip("-c", str(PINS), "-r", str(roots))
    run_pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))


def pinned(name: str) -> str:
    """The line of constraints.txt for one package, with its hashes."""
    found = [
        line
        for line in PINS.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
        if line.startswith(name + "==")
    ]
    return found[0]


def requirements(need: str) -> Iterator[str]:
    """What pyproject.toml asks for: the core and the extras of `need`."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    yield from project["dependencies"]
    yield from _extras(project["optional-dependencies"], NEEDS[need])


def _extras(extras: dict[str, list[str]], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        for requirement in extras[name]:
            inner = requirement.removeprefix("nbqueue[")
            if inner == requirement:
                yield requirement
            else:
                yield from _extras(extras, inner.rstrip("]").split(","))


def run_pip(*arguments: str) -> None:
    """Run the environment's pip, quiet unless something is wrong."""
    quiet = ("-qq", "--no-input", "--disable-pip-version-check", "--no-compile")
    run([str(PYTHON), "-Im", "pip", "install", *quiet, *arguments])


def run(command: Sequence[str]) -> None:
    """Run one step; its own words tell what was wrong, ours which step it was."""
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        sys.exit(f"The environment .venv could not be made: {' '.join(command)} failed (see above).")


if __name__ == "__main__":
    main(sys.argv[1])
