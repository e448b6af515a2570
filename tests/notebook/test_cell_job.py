"""%%job runs a cell on a worker, with the names it reads, and brings the chosen ones back."""

from __future__ import annotations

from typing import Any

import pytest

import nbqueue
from nbqueue import JobFailed, NotSendable, State
from nbqueue.inside import cells
from nbqueue.notebook import cell_source
from nbqueue.testing import inline_session
from tests.notebook.shells import cell, running_shell
from tests.waiting import wait_until


@pytest.mark.usefixtures("worker")
def test_names_go_and_come(shell: Any) -> None:
    """What the cell reads comes along, functions and modules too; its last value is the result, and -o comes back."""
    shell.run_cell("import math\nfactor = 3\ndef scaled(x):\n    return x * factor")
    assert cell(shell, "-o total,again --wait", "total = math.floor(scaled(2.5))\nagain = total + 1\ntotal * 2") == 14
    assert (shell.user_ns["total"], shell.user_ns["again"]) == (7, 8)


@pytest.mark.usefixtures("worker")
def test_functions_see_what_the_cell_assigns(shell: Any) -> None:
    """The cell and the notebook's functions share their globals there, as in the notebook."""
    shell.run_cell("factor = 3\ndef scaled(x):\n    return x * factor")
    assert cell(shell, "-o late --wait", "factor = 10\ndef late():\n    return scaled(factor)\nlate()") == 100
    assert (shell.user_ns["late"](), shell.user_ns["factor"]) == (100, 3)


@pytest.mark.usefixtures("worker")
def test_the_handle_is_kept_and_the_names_come_by_themselves(shell: Any) -> None:
    """Without --wait the cell gives the handle at once; the names are there once the job has ended."""
    job = cell(
        shell,
        "-j mine -o x --name sums --tag a --tag 'b c' --queue default --priority 3 --timeout '5 min'",
        "x = [1] * 3",
    )
    assert (shell.user_ns["mine"], job.label, "x" in shell.user_ns) == (job, "sums", False)
    assert wait_until(lambda: shell.user_ns.get("x"), 30) == [1, 1, 1]
    record = job.info().wait()
    assert (record.label, record.tags, record.priority, record.function) == ("sums", ("a", "b c"), 3, "cell")


@pytest.mark.usefixtures("worker")
def test_a_cell_that_awaits_is_a_coroutine(shell: Any) -> None:
    """`await` outside of functions is allowed, and the last value is the result there too."""
    job = cell(
        shell,
        "",
        "import asyncio\nasync with asyncio.timeout(5):\n    await asyncio.sleep(0)\nawait asyncio.sleep(0, 7)",
    )
    assert (job.wait(30), job.info().wait().function) == (7, "async_cell")


@pytest.mark.usefixtures("worker")
def test_a_job_stands_for_its_result(shell: Any) -> None:
    """A name that holds a job is its result in the cell, which starts when that has ended."""
    cell(shell, "-j first", "20 + 1")
    assert cell(shell, "--wait", "first * 2") == 42


@pytest.mark.usefixtures("worker")
def test_a_semicolon_leaves_the_value_out(shell: Any) -> None:
    """With a semicolon behind the last expression the job has no result, as a cell has no output."""
    assert cell(shell, "--wait", "(lambda: 1);  # cannot be shown\n") is None
    assert cell(shell, "--wait", "'a;'") == "a;"


@pytest.mark.usefixtures("worker")
def test_what_is_printed_is_its_log(shell: Any) -> None:
    """Prints of the cell are in the log, and its bar is the job's."""
    job = cell(shell, "", "for k in nbqueue.track(range(3)):\n    print('step', k)")
    job.wait(30)
    assert job.logs().wait() == "step 0\nstep 1\nstep 2\n"
    assert job.info().wait().progress.done == 3


@pytest.mark.usefixtures("worker")
def test_an_error_shows_the_lines_of_the_cell(shell: Any) -> None:
    """The traceback has the cell's own lines, numbered as the notebook numbers them below the magic."""
    with pytest.raises(JobFailed, match="division by zero") as raised:
        cell(shell, "--wait", "\n# a comment\ndef g():\n    return 1 / 0\ng()")
    lines = [line.strip() for line in raised.value.remote_traceback.splitlines()]
    assert [line for line in lines if line in {"g()", "return 1 / 0"}] == ["g()", "return 1 / 0"]
    assert [line for line in lines if "line" in line] == ["Cell In[0], line 6, in <module>", "Cell In[0], line 5, in g"]
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@pytest.mark.usefixtures("worker")
def test_a_retry_brings_its_names_too(shell: Any, tmp_path: Any) -> None:
    """A cell's job that failed hands its names back when a retry of it succeeds."""
    shell.user_ns["mark"] = str(tmp_path / "mark")
    job = cell(shell, "-o x", "import os\nx = os.stat(mark).st_size")
    with pytest.raises(JobFailed, match="FileNotFoundError"):
        job.wait(30)
    (tmp_path / "mark").write_bytes(b"123")
    job.retry().wait()
    assert wait_until(lambda: shell.user_ns.get("x"), 30) == 3


@pytest.mark.usefixtures("worker")
def test_the_newest_cell_assigns(shell: Any) -> None:
    """Of two cells that hand the same name back, the one that was run last does, whichever ends first."""
    old = cell(shell, "-o x", "import time\ntime.sleep(1)\nx = 'old'")
    assert cell(shell, "-o x --wait", "x = 'new'") is None
    old.wait(30)
    wait_until(lambda: old.state().wait() is State.SUCCEEDED)
    assert shell.user_ns["x"] == "new"


@pytest.mark.usefixtures("worker")
def test_a_cell_that_could_not_be_sent_assigns_nothing(shell: Any) -> None:
    """The names that it was to assign stay those of the cell before it."""
    shell.run_cell("import threading\nlock = threading.Lock()")
    job = cell(shell, "-o x", "import time\ntime.sleep(0.5)\nx = 'first'")
    with pytest.raises(NotSendable):
        cell(shell, "-o x", "x = lock")
    job.wait(30)
    assert wait_until(lambda: shell.user_ns.get("x")) == "first"


def test_what_nobody_waits_for_is_not_kept(shell: Any) -> None:
    """A cell that is run again and again leaves one thing behind, not one a run; other names have their own."""
    before = set(cells._takers)
    for _ in range(5):
        cell(shell, "-o x", "x = 1")
        cell(shell, "-o a,b", "a = b = 2")
    cell(shell, "-o a", "a = 3")
    assert len(set(cells._takers) - before) == 3
    cell(shell, "-o b,x", "b = x = 4")
    assert len(set(cells._takers) - before) == 2


@pytest.mark.usefixtures("worker")
def test_names_are_taken_once_more(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue take ID assigns what a cell handed back, by its id or label; anybody else gets the value alone."""
    job = cell(shell, "-o x --wait -j job --name pair", "x = 1\n'value'") and shell.user_ns["job"]
    shell.user_ns["x"] = "mine"
    assert (nbqueue.attach(job.id).wait().wait(), shell.user_ns["x"]) == ("value", "mine")
    shell.run_line_magic("nbqueue", "take pair")
    assert (shell.user_ns["x"], capsys.readouterr().out) == (1, "Assigned: x.\n")


@pytest.mark.usefixtures("worker")
def test_a_name_that_was_not_assigned_is_told(shell: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A name that the code did not come to assign is left as it is, with a word; the others and the value are there."""
    shell.user_ns["go"] = False
    job = cell(shell, "-o x,y -j job", "y = 2\nif go:\n    x = 1\ny")
    assert job.wait(30) == 2
    wait_until(lambda: "without assigning x" in caplog.text)
    assert (shell.user_ns["y"], "x" in shell.user_ns) == (2, False)


@pytest.mark.usefixtures("worker")
def test_only_named_variables_come_along(shell: Any) -> None:
    """With -i other variables stay here; modules, functions and classes that the cell reads come all the same."""
    shell.run_cell("import math\na, b = 1, 2\ndef f(x):\n    return math.floor(x)")
    assert cell(shell, "-i a --wait", "f(a + 0.5)") == 1


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("import time\n# a pause\ntime.sleep(1)", "cell [0]: time.sleep(1)"),
        ("'What it does.'\nimport math\nfrom os import path\n\nseed, gap = 1, -0.1\nm = fit(seed)",
         "cell [0]: m = fit(seed)"),
        ("\n@cached\ndef f():\n    pass\nfor k in range(3):\n    print(k)", "cell [0]: for k in range(3):"),
        ("import time\nx = 1", "cell [0]"),
        ("print(1)  # " + "long " * 20, "cell [0]: print(1)  # long long long long long long long ..."),
    ],
)  # fmt: skip
def test_a_cell_is_called_after_what_it_does(shell: Any, code: str, label: str) -> None:
    """Its label is its number and its first line that is no import, definition, constant or comment."""
    assert cell_source.read(code, shell).label == label


def test_it_works_without_a_server() -> None:
    """Inline, a cell is a job too."""
    with inline_session(slots=1), running_shell() as shell:
        shell.run_line_magic("load_ext", "nbqueue")
        shell.run_cell("n = 4\ndef double():\n    return 2 * n")
        assert cell(shell, "-o m --wait", "m = double()\nm + 1") == 9
        assert shell.user_ns["m"] == 8


def test_a_cell_that_waited_during_an_upgrade_runs() -> None:
    """What an older notebook sent has fewer fields."""
    sent = cells.Cell(source="1 + 1\n", name="/tmp/cell.py", anchor=_anchor)  # type: ignore[arg-type]
    old = object.__new__(cells.Cell)
    state: Any = sent.__getstate__()
    old.__setstate__(state[:-2])  # type: ignore[attr-defined]
    assert cells.cell(old) == cells.cell(sent)


def _anchor() -> None:
    pass
