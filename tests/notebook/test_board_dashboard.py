"""`nbqueue.dashboard()` in a real kernel: live widgets, what is saved of them, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import nbqueue
from nbqueue.model.settings import Settings
from tests.notebook.ipykernels import python_path
from tests.notebook.kernels import WIDGET, Kernel, Message, displayed, opened, running_kernel, sent
from tests.notebook.shells import running_shell
from tests.waiting import wait_until
from tests.workers import running_worker

SHOW = "import nbqueue\nboard = nbqueue.dashboard()\nboard"
THREADS = "import threading\nprint(sorted(t.name for t in threading.enumerate() if t.name.startswith('nbqueue')))"


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel that goes to the test's server."""
    nbqueue.configure(settings)
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as found:
        yield found


def known(kernel: Kernel) -> dict[str, dict[str, Any]]:
    """Model id -> the traits of the widget as a page knows them."""
    states = {key: dict(state) for key, state in opened(kernel.messages).items()}
    for change in sent(kernel.messages):
        states.get(change["model"], {}).update(change)
    return states


def model(kernel: Kernel, name: str, **facts: Any) -> str:
    """The id of the widget of this kind with these traits."""
    states = known(kernel)
    found = [
        key for key, state in states.items() if state.get("_model_name") == name and facts.items() <= state.items()
    ]
    assert len(found) == 1, (name, facts, found)
    return found[0]


def choose(kernel: Kernel, model_id: str, **state: object) -> None:
    """Send what a page sends when something is chosen."""
    content = {"comm_id": model_id, "data": {"method": "update", "state": state, "buffer_paths": []}}
    kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", content))


def shows(kernel: Kernel, text: str) -> None:
    """Wait until a widget has this text."""
    seen(kernel, lambda state: text in str(state.get("value")))


def seen(kernel: Kernel, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until a widget is like that."""
    if not any(map(wanted, known(kernel).values())):
        kernel.until(lambda item: any(map(wanted, [*opened([item]).values(), *sent([item])])), 20)


def test_a_dashboard_is_live_and_its_buttons_act(kernel: Kernel) -> None:
    """It shows jobs as they come, a ticked one is cancelled, a queue paused; no cell runs for that."""
    first = nbqueue.options(label="first").submit(abs, 1).wait()
    saved, live = displayed(kernel.run(SHOW))
    assert ("first" in saved["text/html"], "○ queued" in saved["text/plain"]) == (True, True)
    assert (set(live), live["text/html"]) == ({WIDGET, "text/html", "text/plain"}, "")
    nbqueue.options(label="second").submit(abs, 2).wait()
    shows(kernel, "1 to 2 of 2")
    choose(kernel, model(kernel, "TextModel", description="Find"), value="first")
    shows(kernel, "1 to 1 of 1")
    choose(kernel, model(kernel, "CheckboxModel", description="first"), value=True)
    shows(kernel, "1 selected")
    kernel.click(model(kernel, "ButtonModel", description="Cancel"))
    shows(kernel, "Cancel 1 job: 1 cancelled")
    assert first.state().wait() == "cancelled"
    kernel.click(model(kernel, "ButtonModel", description="Pause default"))
    seen(kernel, lambda state: state.get("description") == "Resume default")
    shows(kernel, "‖</b> paused")
    assert nbqueue.Queue().stats().wait().paused
    kernel.click(model(kernel, "ButtonModel", description="Resume default"))
    wait_until(lambda: not nbqueue.Queue().stats().wait().paused)


def test_delete_asks_and_a_card_is_opened(kernel: Kernel) -> None:
    """The first click on Delete changes nothing but the button; a card shows what the row cannot."""
    job = nbqueue.options(label="mine").submit(abs, 1).wait()
    kernel.run(SHOW)
    delete = model(kernel, "ButtonModel", description="Delete")
    kernel.click(delete)
    shows(kernel, "nothing is selected")
    choose(kernel, model(kernel, "CheckboxModel", description="mine"), value=True)
    shows(kernel, "1 selected")
    kernel.click(model(kernel, "ButtonModel", description="Open card"))
    shows(kernel, "nbqueue-card")
    kernel.click(delete)
    seen(kernel, lambda state: state.get("description") == "Sure? Delete")
    assert job.state().wait() == "queued"
    kernel.click(delete)
    shows(kernel, "Delete 1 job: 1 deleted")


def test_a_closed_dashboard_leaves_tables_and_nothing_that_runs(kernel: Kernel) -> None:
    """By its button or by close(): the widgets are replaced by what they showed, and the server is asked no more."""
    nbqueue.options(label="mine").submit(abs, 1).wait()
    for close in ("click", "board.close()"):
        kernel.run(SHOW)
        if close == "click":
            kernel.click(model(kernel, "ButtonModel", description="Close"))
        else:
            kernel.run(close)
        kernel.until(lambda item: bool(displayed([item], "update_display_data")))
        kernel.until(lambda item: bool(displayed([item], "update_display_data")))
        saved, live = displayed(kernel.messages, "update_display_data")[-2:]
        assert ("mine" in saved["text/html"], live) == (True, {"text/html": "", "text/plain": ""})
        kernel.messages.clear()
        wait_until(lambda: "ticker" not in kernel.printed(THREADS))
    assert kernel.printed("print(board, board._looking.cancelled())").endswith("closed> True\n")


def test_a_dashboard_that_nobody_uses_closes_by_itself(kernel: Kernel) -> None:
    """After the time that was given, so that a page which somebody left does not ask for ever."""
    kernel.run(SHOW.replace("dashboard()", "dashboard(close_after=0.5)"))
    kernel.seen(lambda item: any(live == {"text/html": "", "text/plain": ""} for live in _replaced(item)))
    assert kernel.printed("print(board)").endswith("closed>\n")
    with pytest.raises(nbqueue.ConfigurationError, match="close_after"):
        nbqueue.dashboard(close_after=-1)


def _replaced(item: Message) -> list[dict[str, Any]]:
    return displayed([item], "update_display_data")


def test_the_magic_shows_it_and_unloading_ends_it(kernel: Kernel) -> None:
    """`%nbqueue dashboard` is the same; `%unload_ext` leaves no thread behind."""
    kernel.run("%load_ext nbqueue")
    _, live = displayed(kernel.run("%nbqueue dashboard"))
    assert WIDGET in live
    kernel.run("%unload_ext nbqueue")
    wait_until(lambda: kernel.printed(THREADS) == "[]\n")


@pytest.mark.parametrize("variables", [{"NBQUEUE_WIDGETS": "0"}, {"NBQUEUE_NONINTERACTIVE": "1"}])
def test_without_widgets_it_is_a_picture_of_now(settings: Settings, variables: dict[str, str]) -> None:
    """Tables as HTML and as text; nothing goes on behind them."""
    nbqueue.configure(settings)
    nbqueue.options(label="mine").submit(abs, 1).wait()
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), **variables}
    with running_kernel(**environ) as kernel:
        [bundle] = displayed(kernel.run(SHOW))
        assert (set(bundle), "mine" in bundle["text/html"]) == ({"text/html", "text/plain"}, True)
        assert kernel.printed("print(board)").endswith("closed>\n")


def test_a_notebook_that_a_program_runs_keeps_the_tables(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run by nbclient saves what was known when the cell ran."""
    nbqueue.configure(settings)
    nbqueue.options(label="mine").submit(abs, 1).wait()
    for name, value in {
        "NBQUEUE_URL": settings.url,
        "NBQUEUE_HOME": settings.home,
        "PYTHONPATH": python_path(),
    }.items():
        monkeypatch.setenv(name, str(value))
    v4: Any = nbformat.v4
    book = v4.new_notebook(cells=[v4.new_code_cell(SHOW)])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    saved, _ = book.cells[0].outputs
    assert "mine" in saved["data"]["text/html"]


def test_nothing_is_started_for_it(home: Path) -> None:
    """Where the local stack does not run, one line says so; the live one comes to life when it does."""
    with running_kernel(NBQUEUE_HOME=str(home), NBQUEUE_WIDGETS="0") as kernel:
        [bundle] = displayed(kernel.run(SHOW))
    assert bundle["text/plain"] == (
        "nbqueue, local stack: The local stack is not running: the first submit starts it, or %nbqueue up."
    )
    with running_kernel(NBQUEUE_HOME=str(home)) as kernel:
        saved, live = displayed(kernel.run(SHOW))
        assert (WIDGET in live, "The local stack is not running" in saved["text/html"]) == (True, True)
    assert not (home / "server").exists()


def test_without_a_server_it_shows_the_jobs_of_this_process(home: Path) -> None:
    """inline: the store and the worker are in the kernel."""
    with running_kernel(NBQUEUE_URL="inline:", NBQUEUE_HOME=str(home)) as kernel:
        kernel.run("import nbqueue\nawait nbqueue.run(abs, -1)")
        kernel.run(SHOW)
        shows(kernel, "✓</b> succeeded")


def test_in_a_terminal_it_is_text(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """IPython without a kernel prints the tables once."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"), running_shell() as shell:
        nbqueue.run(abs, -1).wait(30)
        shell.run_cell("import nbqueue; nbqueue.dashboard()")
    told = capsys.readouterr().out
    assert "✓ succeeded" in told
    assert "Ended in the last 5 minutes: 1 succeeded, 0 failed." in told


def test_a_group_is_a_row_whose_card_is_opened(kernel: Kernel) -> None:
    """It is ticked like a job, and what its jobs are is on its card."""
    nbqueue.submit_map(abs, range(30)).wait()
    kernel.run(SHOW)
    shows(kernel, "abs, 30 jobs")
    shows(kernel, "1 to 1 of 1")
    choose(kernel, model(kernel, "CheckboxModel", description="abs"), value=True)
    shows(kernel, "1 selected, 30 jobs with those of groups")
    kernel.click(model(kernel, "ButtonModel", description="Open card"))
    seen(kernel, lambda state: "nbqueue-card" in str(state.get("value")) and "abs, 30 jobs" in str(state.get("value")))
    kernel.click(model(kernel, "ButtonModel", description="Delete"))
    shows(kernel, "press it again to forget 30 jobs for good")
    choose(kernel, model(kernel, "CheckboxModel", description="groups as one row"), value=False)
    shows(kernel, "1 to 10 of 30")
    shows(kernel, "1 of them not on this page")


def test_all_that_match_are_selected_by_one_button(kernel: Kernel) -> None:
    """The box selects the page; both say so."""
    nbqueue.submit_map(abs, range(30)).wait()
    kernel.run(SHOW)
    choose(kernel, model(kernel, "CheckboxModel", description="groups as one row"), value=False)
    seen(kernel, lambda state: state.get("description") == "all 10 on this page")
    kernel.click(model(kernel, "ButtonModel", description="Select all that match"))
    shows(kernel, "30 selected, 20 of them not on this page")
