"""%load_ext nbqueue brings names and magics, and touches nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from tests.notebook.shells import running_shell

NAMES = {"submit", "submit_map", "nbqueue"}


@pytest.fixture
def shell() -> Iterator[Any]:
    """A real IPython shell."""
    with running_shell() as shell:
        yield shell


def test_loading_brings_the_names(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """After %load_ext nbqueue its names are there, and nothing is said."""
    shell.run_line_magic("load_ext", "nbqueue")
    assert {name: shell.user_ns[name] for name in NAMES} == {
        "submit": nbqueue.submit, "submit_map": nbqueue.submit_map, "nbqueue": nbqueue,
    }  # fmt: skip
    assert capsys.readouterr() == ("", "")


def test_the_users_own_names_are_left_alone(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that the user has defined is kept, and loading says which one was skipped."""
    shell.run_cell("def submit(): return 'mine'")
    shell.run_line_magic("load_ext", "nbqueue")
    assert shell.user_ns["submit"]() == "mine"
    assert capsys.readouterr().out == (
        "nbqueue: submit is your own here and was left as it is; import nbqueue to reach its own, for example "
        "nbqueue.submit.\n"
    )


def test_unloading_takes_away_what_loading_brought(shell: Any) -> None:
    """After %unload_ext the names and the magics are gone, but not what the user made of them."""
    shell.run_line_magic("load_ext", "nbqueue")
    shell.run_cell("submit_map = 'mine'")
    shell.run_line_magic("unload_ext", "nbqueue")
    assert {name for name in NAMES if name in shell.user_ns} == {"submit_map"}
    assert (shell.find_line_magic("nbqueue"), shell.find_cell_magic("job")) == (None, None)


def test_reloading_is_loading_again(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%reload_ext leaves everything in place and finds nothing to skip."""
    shell.run_line_magic("load_ext", "nbqueue")
    shell.run_line_magic("reload_ext", "nbqueue")
    assert set(shell.user_ns) >= NAMES
    assert None not in (shell.find_line_magic("nbqueue"), shell.find_cell_magic("job"))
    assert capsys.readouterr() == ("", "")


CONNECTS = """
import asyncio, sys, threading
from IPython.core.interactiveshell import InteractiveShell
def watch(event, args):
    if event == "socket.connect":
        raise SystemExit(f"connects to {args}")
sys.addaudithook(watch)
shell, run, task = InteractiveShell.instance(), asyncio.run, asyncio.Task
threads = set(threading.enumerate())
shell.run_line_magic("load_ext", "nbqueue")
print(asyncio.run is run, asyncio.Task is task, [t.name for t in set(threading.enumerate()) - threads],
      sorted({"ipywidgets", "pandas", "matplotlib", "nest_asyncio", "nest_asyncio2"} & set(sys.modules)))
"""


def test_loading_connects_to_nothing_and_patches_nothing(home: Path) -> None:
    """Loading opens no connection, starts no thread and no local stack, and leaves asyncio as it is."""
    ran = subprocess.run([sys.executable, "-c", CONNECTS], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, list(home.iterdir())) == ("True True [] []\n", []), ran.stderr
