"""A page that takes nothing but what the running cell publishes, as Colab's does: what is seen after each cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.ipykernels import OLDEST
from tests.notebook.kernels import WIDGET, Kernel, Message, running_kernel, sent
from tests.workers import running_worker

pytestmark = pytest.mark.parametrize("ipykernel", ["", OLDEST], indirect=True, scope="module")

BEGIN = """
%load_ext nbqueue
def until(path):
    import os, time, nbqueue
    for done in (1, 2):
        print("line", done)
        nbqueue.progress(done, 3, f"step {done}")
        while not os.path.exists(f"{path}{done}"):
            time.sleep(0.01)
    return 1 / (not os.path.exists(f"{path}-fails"))
"""


class Page:
    """What such a page shows."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = messages
        #: display id -> its bundle
        self.outputs: dict[str, dict[str, Any]] = {}
        #: model id -> the state that it knows
        self.models: dict[str, dict[str, Any]] = {}
        self._running: set[str] = set()
        for message in messages:
            self._take(message)

    @property
    def saved(self) -> list[str]:
        """The lines of the cards that are saved."""
        return [line for each in self.outputs.values() if (line := each["text/plain"])]

    @property
    def live(self) -> list[str]:
        """The HTML of the live cards."""
        shown = {each[WIDGET]["model_id"] for each in self.outputs.values() if WIDGET in each}
        return [" ".join(self._values(model)) for model in shown]

    def _take(self, message: Message) -> None:
        kind, content, cell = message["msg_type"], message["content"], message["parent_header"].get("msg_id")
        if kind == "status" and message["parent_header"].get("msg_type") == "execute_request":
            (self._running.add if content["execution_state"] == "busy" else self._running.discard)(cell)
        if cell not in self._running:
            return
        if kind in ("display_data", "update_display_data"):
            self.outputs[content["transient"]["display_id"]] = content["data"]
        elif kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"]["state"])
        for change in sent([message]):
            # a page leaves out what is sent to a model that it was not told of
            self.models.get(change["model"], {}).update(change)

    def _values(self, model: str) -> Iterator[str]:
        """The texts of a widget and of those in it, each of which the page knows."""
        state = self.models[model]
        if "value" in state:
            yield str(state["value"])
        for child in state.get("children", ()):
            yield from self._values(child.removeprefix("IPY_MODEL_"))


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel with the extension, and a worker of its server."""
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    with running_worker(settings, "--slots", "2"), running_kernel(**environ) as kernel:
        kernel.run(BEGIN)
        yield kernel


def published(kernel: Kernel, words: str) -> None:
    """Wait until these words were published, whether or not such a page takes them."""
    kernel.seen(lambda message: any(words in str(change.get("value")) for change in sent([message])))


def rebuilt(kernel: Kernel, times: int) -> None:
    """Wait until a card has got widgets so often: of what is sent while a cell begins such a page takes a part only."""
    while sum("children" in change for change in sent(kernel.messages)) < times:
        kernel.until(lambda _: True)


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_a_card_is_right_after_each_cell(kernel: Kernel, tmp_path: Path, end: str) -> None:
    """What changed between cells is there after the next one, whatever that does; so is the end; nothing fails."""
    go = tmp_path / "go"
    kernel.run(f"job = await submit(until, {str(go)!r})\njob")
    published(kernel, "step 1")
    # those of its log
    rebuilt(kernel, 1)
    kernel.run("pass")
    page = Page(kernel.messages)
    assert ["step 1" in words for words in (*page.saved, *page.live)] == [True, True]
    Path(f"{go}1").touch()
    published(kernel, "step 2")
    assert "step 2" not in str(Page(kernel.messages).live)
    kernel.run("1 + 1")
    page = Page(kernel.messages)
    assert ["step 2" in words for words in (*page.saved, *page.live)] == [True, True]
    if end == "failed":
        Path(f"{go}-fails").touch()
    Path(f"{go}2").touch()
    published(kernel, f"</span> {end}")
    if end == "failed":
        # the button that runs it again
        rebuilt(kernel, 2)
    kernel.run("pass")
    page = Page(kernel.messages)
    # what can be run again stays live
    assert [end in words for words in (*page.saved, *page.live)] == [True] * (1 if end == "succeeded" else 2)
    _nothing_failed(kernel)


def test_the_cell_that_waits_shows_all(kernel: Kernel, tmp_path: Path) -> None:
    """A card moves while its own cell runs, and is right at once when that waits for the job."""
    go = tmp_path / "go"
    begun = kernel.begin(f"await nbqueue.run(until, {str(go)!r})")
    for step in (1, 2):
        published(kernel, f"step {step}")
        assert f"step {step}" in str(Page(kernel.messages).live)
        Path(f"{go}{step}").touch()
    kernel.done(begun)
    page = Page(kernel.messages)
    assert (["succeeded" in line for line in page.saved], page.live) == ([True], [])
    _nothing_failed(kernel)


def _nothing_failed(kernel: Kernel) -> None:
    assert [item["content"] for item in kernel.messages if item["msg_type"] in ("error", "stream")] == []
