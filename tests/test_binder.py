"""Binder: what repo2docker does with `binder/`, by hand, and a session in what comes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub import run_in_hub

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
#: what Binder gives a session, and what of it the kernel, the stack and their jobs may take
MEMORY_BYTES = 2_000_000_000
#: run in the session: the first notebook from start to end, while what all its processes hold is watched
SESSION = """
import json, sys, threading, time
import nbformat, psutil
from nbclient import NotebookClient

most, over = [0], threading.Event()
def watch():
    while not over.wait(0.2):
        used = 0
        for each in psutil.process_iter():
            try:
                used += each.memory_info().rss - each.memory_info().shared
            except psutil.Error:
                pass
        most[0] = max(most[0], used)

watcher = threading.Thread(target=watch)
watcher.start()
book = nbformat.read(sys.argv[1], as_version=4)
try:
    NotebookClient(book, timeout=120).execute()
finally:
    over.set()
    watcher.join()
import nbqueue
from nbqueue.local import stack
stack.stop(nbqueue.Settings())
outputs = sum(len(cell.get("outputs", ())) for cell in book.cells)
print(json.dumps({"bytes": most[0], "where": nbqueue.__file__, "outputs": outputs}))
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """What repo2docker's steps leave: an environment, and the repository beside it."""
    # sessions have another /tmp
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        yield _built(Path(place))


def _built(place: Path) -> Path:
    clone = ["git", "clone", "-q", "--no-hardlinks", f"file://{ROOT}", str(place / "repository")]
    subprocess.run(clone, check=True)
    for name in ("binder", "nbqueue", "notebooks", "pyproject.toml", "README.md", "LICENSE"):
        _copied(ROOT / name, place / "repository" / name)
    subprocess.run([sys.executable, "-m", "venv", str(place / "environment")], check=True)
    python = place / "environment" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-cache-dir"]
    # what its images have before they look at a repository
    subprocess.run([*pip, "jupyterlab", "nbclient"], check=True, cwd=place / "repository")
    subprocess.run([*pip, "-r", "binder/requirements.txt"], check=True, cwd=place / "repository")
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["binder/postBuild"], check=True, cwd=place / "repository", env={**os.environ, "PATH": path})
    return place


def test_the_files_are_those_that_repo2docker_reads() -> None:
    """A version of Python that is supported, one requirements file, and a postBuild that can be run."""
    assert sorted(path.name for path in BINDER.iterdir()) == ["postBuild", "requirements.txt", "runtime.txt"]
    assert (BINDER / "runtime.txt").read_text() == "python-3.11\n"
    assert os.access(BINDER / "postBuild", os.X_OK)


def test_the_badge_opens_the_first_notebook() -> None:
    """What the README links to is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "https://mybinder.org/v2/gh/" in text
    assert "?urlpath=lab/tree/notebooks/first-look.ipynb)" in text
    assert (ROOT / "notebooks" / "first-look.ipynb").is_file()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_session_runs_the_first_notebook(image: Path) -> None:
    """As a user without a name, on one processor and within 2 GB; the server is the one that the packages brought."""
    python = image / "environment" / "bin" / "python"
    book = image / "repository" / "notebooks" / "first-look.ipynb"
    ran = run_in_hub("-c", SESSION, str(book), python=python)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert Path(found["where"]).is_relative_to(image / "environment")
    assert found["bytes"] < MEMORY_BYTES, f"{found['bytes']:,} bytes"
    assert found["outputs"] > 15


def _copied(source: Path, target: Path) -> None:
    """The files as they are now, committed or not."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
