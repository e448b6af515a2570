"""What %%job refuses before anything is sent, and how it says so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbqueue
from nbqueue import JobFailed, NotSendable
from tests.notebook.shells import cell

NEEDS = (
    "%%job: line {line}, '{text}', needs the notebook, and there is none on a worker: put it into another cell, or "
    "write it in Python (subprocess.run for a command)."
)
DISPLAYS = (
    "%%job: the code uses display(), and there is no notebook on a worker. Print it, or hand it back with -o and show "
    "it in another cell."
)

NOWHERE = (
    "%%job: the code reads {names} (line {line}), which {verb} defined neither there nor in the notebook: define or "
    "import {it} here or in the cell."
)

LEFT_OUT = (
    "%%job: the code reads {names} (line {line}), and -i leaves {it} out: write -i {all}, or no -i, to take along all "
    "that it reads."
)
NO_DURATION = "%%job: --timeout 'soon' is no duration: give seconds, or text such as 90s, 5min, 2h or 1d."
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("-i a", "x = 1\na + b", LEFT_OUT.format(names="b", line=3, it="it", all="a,b")),
        ("-i a -i a", "print(b, a, c)", LEFT_OUT.format(names="b, c", line=2, it="them", all="a,b,c")),
        ("-i ''", "a", LEFT_OUT.format(names="a", line=2, it="it", all="a")),
        ("-i a", "b\nnope", NOWHERE.format(names="nope", line=3, verb="is", it="it")),
    ],
)
def test_what_is_left_out_and_read_is_refused(shell: Any, line: str, code: str, sentence: str) -> None:
    """Of names that the cell surely reads -i leaves none out."""
    shell.run_cell("a = b = c = 1")
    with pytest.raises(UsageError) as raised:
        cell(shell, line, code)
    assert str(raised.value) == sentence


@pytest.mark.parametrize("awaits", ["", "import asyncio\nawait asyncio.sleep(0)\n"])
@pytest.mark.usefixtures("worker")
def test_what_is_left_out_and_may_be_read_is_told_by_the_error(shell: Any, awaits: str) -> None:
    """Where the cell might do without the name it is run, and the error says why the name is not there."""
    shell.run_cell("a, b = 1, 2")
    with pytest.raises(JobFailed, match="name 'b' is not defined") as raised:
        cell(shell, "-i a --wait", awaits + "if a:\n    a + b")
    assert "\nThe notebook has b, and %%job -i left it out: name it there too.\n" in raised.value.remote_traceback
    assert cell(shell, "-i a --wait", awaits + "if not a:\n    b = b + 1\na") == 1


@pytest.mark.usefixtures("worker")
def test_what_comes_with_a_function_is_not_left_out(shell: Any) -> None:
    """The cell sees the names that a function takes along."""
    shell.run_cell("a, b = 1, 2\ndef f():\n    return (lambda: b)()")
    assert cell(shell, "-i a --wait", "f() + a + b") == 5


@pytest.mark.parametrize(
    ("before", "code", "sentence"),
    [
        ("import threading\nx = threading.Lock()", "x.acquire()", "it is a lock. Create it in the cell itself."),
        ("import os\nx = open(os.devnull)", "x.read()", "it is an open file (/dev/null). Open it in the cell itself."),
        ("x = (n for n in 'ab')", "list(x)",
         ("it is a generator. Pass list(...) of it, or the arguments to make it. Or make it in the cell itself.")),
        ("import os\nf = open(os.devnull)\ndef x():\n    return f.read()", "x()",
         ('it holds an open file (/dev/null) at x global "f". Open it in the cell itself. Define the function there '
         "too.")),
    ],
)  # fmt: skip
def test_what_cannot_go_is_named(shell: Any, before: str, code: str, sentence: str) -> None:
    """A name that cannot be sent is named, and what helps: in the cell itself, also where -i leaves it out."""
    shell.run_cell(f"{before}\na = 1")
    with pytest.raises(NotSendable) as raised:
        cell(shell, "", code)
    told = f'The name "x" cannot be sent: {sentence}'
    assert str(raised.value) == f"{told} It comes along since the code reads it."
    with pytest.raises(NotSendable if "def" in before else UsageError) as refused:
        cell(shell, "-i a", code)
    assert str(refused.value) == (
        told if "def" in before else f"%%job: the code reads x (line 2), and -i leaves it out. {told}"
    )


def test_a_handle_that_is_left_out_can_come(shell: Any) -> None:
    """A job stands for its result: -i is told to name it."""
    shell.user_ns["x"] = nbqueue.submit(sum, [1]).wait()
    with pytest.raises(UsageError) as refused:
        cell(shell, "-i ''", "x + 1")
    assert str(refused.value) == LEFT_OUT.format(names="x", line=2, it="it", all="x")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("", " \n", "%%job: there is no code below it."),
        ("-i nope", "1", "%%job: -i names nope, and the notebook has no such name: leave it out, or define it."),
        ("-i a.b", "1", "%%job: -i takes plain names, and 'a.b' is none."),
        ("-j 3", "1", "%%job: -j takes plain names, and '3' is none."),
        ("-o nope,x", "x = 1", "%%job: -o names nope, which the code below never assigns."),
        ("--fast", "1", "%%job: unrecognized arguments: --fast. %%job? lists what it takes."),
        ("--timeout soon", "1", NO_DURATION),
        ("--retry soon", "1", "%%job: argument --retry: invalid int value: 'soon'. %%job? lists what it takes."),
        ("", "x = 1\n!ls", NEEDS.format(line=3, text="!ls")),
        ("", "\n%%time\nx = 1", NEEDS.format(line=3, text="%%time")),
        ("", "display(1)", DISPLAYS),
        ("", "x = 1\nx + nope", NOWHERE.format(names="nope", line=3, verb="is", it="it")),
        ("-o x", "x = f(1, nope)", NOWHERE.format(names="f, nope", line=2, verb="are", it="them")),
    ],
)  # fmt: skip
def test_a_slip_is_one_sentence(shell: Any, line: str, code: str, sentence: str) -> None:
    """What cannot be meant is refused before anything is sent."""
    with pytest.raises(UsageError) as raised:
        cell(shell, line, code)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(("code", "at"), [("x = 1\ny = = 2", 3), ("\n\nreturn 3", 4), ("def f():\npass", 3)])
def test_wrong_syntax_points_at_its_line(shell: Any, code: str, at: int) -> None:
    """Code that is no Python is refused at once, at its line in the cell."""
    with pytest.raises(Exception, match=rf"\(.+, line {at}\)$") as raised:
        cell(shell, "", code)
    assert type(raised.value).__name__ in {"SyntaxError", "IndentationError"}


@pytest.mark.parametrize("code", ["x = 1\ny = = 2", "return 3", "def f():\npass", "!ls\ny = = 2"])
def test_wrong_syntax_looks_as_in_any_cell(shell: Any, capsys: pytest.CaptureFixture[str], code: str) -> None:
    """The cell, its line, a caret and the error; no frame of anybody."""
    told = []
    for above in ("'a line above'\n", "%%job\n"):
        shell.run_cell(above + code, store_history=True)
        told.append(re.sub(r"In\[\d+\]", "In[n]", COLOURS.sub("", capsys.readouterr().out)))
    assert told[0] == told[1]
    assert re.match(r" +Cell In\[n\], line \d", told[1])


def test_names_that_are_nowhere_are_refused_in_a_cell_that_is_run(shell: Any) -> None:
    """While a cell runs it is a function of the notebook itself, which puts nothing in place."""
    found = shell.run_cell("%%job\nx = 3\nnowhere.foo(x)")
    assert isinstance(found.error_in_exec, UsageError)
    assert str(found.error_in_exec) == NOWHERE.format(names="nowhere", line=3, verb="is", it="it")
