"""A live chart in a kernel: redrawn while cells run, one output, and nothing left when it has ended."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

import nbqueue
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings
from tests.notebook.kernels import WIDGET, Kernel, Message, displayed, lines, opened, running_kernel
from tests.waiting import wait_until
from tests.workers import running_worker

SHOW = "import nbqueue\nchart = nbqueue.charts.live('throughput', every_s=0.5)\nchart"
LEFT = """
import threading
from comm import get_comm_manager
print([t.name for t in threading.enumerate()].count('nbqueue-ticker'), len(get_comm_manager().comms), chart)
"""
ENDED = "0 0 <LiveChart of throughput, closed>\n"


@pytest.fixture
def environ(settings: Settings) -> dict[str, str]:
    """What a kernel needs to use the test's server, where two jobs have ended."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"):
        nbqueue.submit_map(abs, [1, 2]).wait().wait(30)
    return {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}


@pytest.fixture
def kernel(environ: dict[str, str]) -> Iterator[Kernel]:
    """A kernel that goes to the test's server."""
    with running_kernel(**environ) as found:
        yield found


def says(text: str) -> Any:
    """Whether a message is a change of a widget to these words."""

    def found(message: Message) -> bool:
        state = message["content"].get("data", {}).get("state", {})
        return text in str(state.get("value", ""))

    return found


def images(messages: list[Message]) -> list[Message]:
    """The changes of a widget's picture."""
    return [
        item for item in messages
        if item["msg_type"] == "comm_msg" and ["value"] in item["content"]["data"].get("buffer_paths", ())
    ]  # fmt: skip


def test_it_is_redrawn_while_a_cell_blocks(kernel: Kernel, settings: Settings) -> None:
    """The first picture has what has ended, a later one what ends while another cell runs; the old rows are kept."""
    published = kernel.run(SHOW)
    saved, live = displayed(published)
    assert "throughput: 2 attempts, as of " in saved["text/plain"]
    data = saved["text/html"].partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert WIDGET in live
    before = len(kernel.messages)
    begun = kernel.begin("import time\nwhile not nbqueue.Queue('stop').stats().wait().queued: time.sleep(0.1)")
    with running_worker(settings, "--slots", "1"):
        nbqueue.submit_map(abs, [3, 4, 5]).wait().wait(30)
        kernel.until(says("throughput: 5 attempts"), 20)
    nbqueue.options(queue="stop").submit(abs, 1).wait()
    kernel.done(begun)
    assert images(kernel.messages[before:]) != []
    assert displayed(kernel.messages[before:]) == []


def test_closed_it_leaves_a_picture_and_nothing_else(kernel: Kernel) -> None:
    """After close() the widgets, the thread and the reading have ended; the picture is in the place of both."""
    kernel.run(SHOW)
    before = len(kernel.messages)
    kernel.run("chart.close()")
    wait_until(lambda: kernel.printed(LEFT) == ENDED)
    saved, gone = displayed(kernel.messages[before:], "update_display_data")
    assert ("data:image/png" in saved["text/html"], gone) == (True, {"text/html": "", "text/plain": ""})
    assert lines(kernel.run("chart"), "display_data")[0].startswith("throughput: 2 attempts")


def test_closed_before_its_first_picture_it_says_so(kernel: Kernel) -> None:
    """A chart that is still being read when it is closed does not say that it goes on."""
    slow = "import time, nbqueue\ndef slow(df, ax): time.sleep(8)\nchart = nbqueue.charts.live(slow)\nchart"
    saved, _ = displayed(kernel.run(slow))
    assert saved["text/plain"] == "slow: reading the history ..."
    before = len(kernel.messages)
    kernel.run("chart.close()")
    wait_until(lambda: bool(displayed(kernel.messages[before:], "update_display_data")) or not kernel.run(""))
    saved, _ = displayed(kernel.messages[before:], "update_display_data")
    assert saved["text/plain"] == "slow: closed before anything was drawn"


def test_an_error_is_shown_without_a_picture(kernel: Kernel) -> None:
    """What cannot be drawn leaves one sentence, and no image of nothing."""
    published = kernel.run("import nbqueue\nnbqueue.charts.live(lambda df, ax: 1 / 0)")
    saved, _ = displayed(published)
    assert saved["text/plain"] == "<lambda>: ZeroDivisionError: division by zero"
    assert "<img" not in saved["text/html"]
    widgets = opened(published)
    [image] = [state for state in widgets.values() if state["_model_name"] == "ImageModel"]
    assert widgets[image["layout"].removeprefix("IPY_MODEL_")]["display"] == "none"


def test_its_button_closes_it(kernel: Kernel) -> None:
    """A click on Close is enough."""
    widgets = opened(kernel.run(SHOW))
    [button] = [name for name, state in widgets.items() if state.get("description") == "Close"]
    kernel.click(button)
    wait_until(lambda: kernel.printed(LEFT) == ENDED)


def test_unloading_ends_it(kernel: Kernel) -> None:
    """After %unload_ext nothing is left of it."""
    kernel.run(f"%load_ext nbqueue\n{SHOW}")
    kernel.run("%unload_ext nbqueue")
    assert kernel.printed(LEFT) == ENDED


def test_its_cell_that_runs_again_ends_it(kernel: Kernel) -> None:
    """What the cell showed is gone from the page, so that chart ends; one of another cell goes on."""

    def run(code: str, cell: str) -> None:
        """Run code as a page does, which tells the cell."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True,
                   "user_expressions": {}}  # fmt: skip
        message = kernel.client.session.msg("execute_request", content, metadata={"cellId": cell})
        before = len(kernel.messages)
        kernel.client.shell_channel.send(message)
        kernel.done((message["header"]["msg_id"], before))

    run(SHOW.replace("chart", "other").replace("nbqueue.others", "nbqueue.charts"), "b")
    run(SHOW, "a")
    run("first = chart", "a")
    assert (
        kernel.printed("print(first, other)") == "<LiveChart of throughput, closed> <LiveChart of throughput, open>\n"
    )


def test_shown_twice_it_lives_in_the_newest_cell(kernel: Kernel) -> None:
    """The cell before keeps a picture."""
    kernel.run(SHOW)
    comms = kernel.printed(LEFT)
    published = kernel.run("chart")
    assert WIDGET in displayed(published)[1]
    assert displayed(published, "update_display_data")[1] == {"text/html": "", "text/plain": ""}
    assert kernel.printed(LEFT) == comms


@pytest.mark.parametrize("variable", ["NBQUEUE_WIDGETS=0", "NBQUEUE_NONINTERACTIVE=1"])
def test_without_widgets_it_is_drawn_once(environ: dict[str, str], variable: str) -> None:
    """One picture, nothing that goes on."""
    name, _, value = variable.partition("=")
    with running_kernel(**environ, **{name: value}) as kernel:
        [bundle] = displayed(kernel.run(SHOW))
        assert ("data:image/png" in bundle["text/html"], bundle["text/plain"][:22]) == (True, "throughput: 2 attempts")
        assert kernel.printed(LEFT).startswith("0 0")


def test_a_report_is_shown_once(kernel: Kernel) -> None:
    """At the end of a cell the page is one picture; as an axes, a chart is one too."""
    for code in ("df.nbqueue.report()", "ax = df.nbqueue.timeline()", "page = df.nbqueue.report()\npage"):
        published = kernel.run(f"import nbqueue\ndf = nbqueue.history().wait()\n{code}")
        shown = [
            item["content"]["data"] for item in published if item["msg_type"] in {"display_data", "execute_result"}
        ]
        assert ["image/png" in data for data in shown] == [True]


def test_outside_a_notebook_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence with the call that draws there."""
    nbqueue.charts.live("waits").show()
    told = "A live chart needs a notebook. Here nbqueue.charts.waits(nbqueue.history().wait()) draws one.\n"
    assert capsys.readouterr().out == told


def test_wrong_arguments_are_refused_at_once() -> None:
    """A chart that is none, a moment that is none, a pace that is too fast."""
    for arguments, sentence in (
        ({"chart": "convergence"}, "'convergence' is no chart of the history: give one of throughput, failures"),
        ({"since": "soon"}, "since='soon' is no moment"),
        ({"every_s": 0.1}, "every_s=0.1 is out of range: give 0.5 s up to"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match=sentence):
            nbqueue.charts.live(**arguments)
