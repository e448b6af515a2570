"""Cards in a real kernel: what is published when a job is shown, changes, is cancelled and ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernels import WIDGET, Kernel, Message, displayed, lines, opened, running_kernel, sent

MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d"

BEGIN = """
from dataclasses import replace
from datetime import UTC, datetime
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State
from nbqueue.notebook.cards import Cards
from tests.notebook.works import GivenWork, GroupFacts, JobFacts
cards = Cards()
job = GivenWork(facts=JobFacts(record=JobRecord(
    id="j1", state=State.RUNNING, label="solve", started_at=datetime.now(UTC), progress=Progress(done=1, total=4))))
def until(path):
    import os, time
    while not os.path.exists(path):
        time.sleep(0.01)
def ends(job, state=State.SUCCEEDED):
    job.becomes(record=replace(job.facts.record, state=state, finished_at=datetime.now(UTC)))
"""


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A kernel with a job whose facts the test sets."""
    with running_kernel() as kernel:
        kernel.run(BEGIN)
        yield kernel


def shows(kernel: Kernel, words: str) -> None:
    """Wait until a widget has these words."""
    kernel.seen(lambda message: any(words in str(change.get("value")) for change in sent([message])))


def updated(message: Message) -> bool:
    """Whether a shown card was replaced."""
    return bool(message["msg_type"] == "update_display_data")


def test_a_card_is_four_widgets_and_readable_without_them(kernel: Kernel) -> None:
    """A shown job is HTML and a line, which are saved, and the widgets, which are nothing where they do not live."""
    published = kernel.run("cards.show(job)")
    saved, live = displayed(published)
    kinds = Counter(state["_model_name"] for state in opened(published).values())
    assert (set(saved), set(live)) == ({"text/html", "text/plain"}, {WIDGET, "text/html", "text/plain"})
    assert (live["text/html"], live["text/plain"]) == ("", "")
    assert re.match(rf"► was running at {MINUTE}  solve  1/4 \(25%\)", saved["text/plain"])
    own = {"HTMLModel": 2, "HTMLStyleModel": 2, "ButtonModel": 1, "HBoxModel": 1}
    assert kinds == {**own, "ButtonStyleModel": 1, "LayoutModel": 4}


def test_the_saved_card_is_hidden_where_the_live_one_is(kernel: Kernel) -> None:
    """Its outputs in all cells share a mark, and say first that they tell of then, and of when."""
    published = [*kernel.run("cards.show(job)"), *kernel.run("cards.show(job)")]
    marks = {
        found for bundle in displayed(published)[::2] for found in re.findall(r"nbqueue-saved-\w+", bundle["text/html"])
    }
    [mark] = marks
    assert [f".{mark}{{display:none}}" in state["value"] for state in opened(published).values()
            if "Copy id" in str(state.get("value"))] == [True]  # fmt: skip
    assert re.search(rf"►</span> was running at {MINUTE}</span>", displayed(published)[0]["text/html"])


def test_the_bar_moves_while_a_cell_blocks(kernel: Kernel, tmp_path: Path) -> None:
    """While a cell sleeps, the card follows the facts; only what changed is sent."""
    kernel.run("cards.show(job)")
    step = "job.becomes(record=replace(job.facts.record, progress=Progress(done={}, total=4)))\nuntil({!r})\n"
    paths = [tmp_path / "2", tmp_path / "3"]
    begun = kernel.begin("".join(step.format(path.name, str(path)) for path in paths))
    for path in paths:
        shows(kernel, f"{path.name}/4")
        path.touch()
    published = kernel.done(begun)
    *values, last = [change["value"] for change in sent(published) if "value" in change]
    assert [text in "".join(values) for text in ("2/4", "3/4")] == [True, True]
    # what is seen is sent once more in the name of the cell
    assert (len(set(values)), last in values) == (len(values), True)
    others = [change for change in sent(published) if set(change) != {"model", "value"}]
    assert [sorted(change) for change in others] == [["disabled", "model"]]


def test_the_end_is_published_in_every_cell_that_showed_it(kernel: Kernel) -> None:
    """At the end what will be saved says how it ended, without widgets that will be gone."""
    shown = [*kernel.run("cards.show(job)"), *kernel.run("cards.show(job)")]
    assert len(displayed(shown)) == 4
    begin = len(kernel.messages)
    kernel.run("import threading\nends(job)")
    bundles = displayed(kernel.messages[begin:], "update_display_data")
    assert {(bundle["text/plain"][:11], *sorted(bundle)) for bundle in bundles[-4:]} == {
        ("✓ succeeded", "text/html", "text/plain"), ("", "text/html", "text/plain"),
    }  # fmt: skip
    kernel.run("import time\nwhile any(t.name == 'nbqueue-ticker' for t in threading.enumerate()): time.sleep(0.01)")


def test_a_click_asks_for_the_end_and_changes_nothing_itself(kernel: Kernel) -> None:
    """A click on Cancel hands the wish on; the ticker then says "cancelling" and takes the button away."""
    published = kernel.run("cards.show(job)")
    (button,) = [model for model, state in opened(published).items() if state["_model_name"] == "ButtonModel"]
    kernel.click(button)
    kernel.until(lambda message: any(change.get("disabled") for change in sent([message])))
    published = kernel.run("print(job.cancels)")
    assert [item["content"]["text"] for item in published if item["msg_type"] == "stream"] == ["1\n"]
    assert "cancelling" in "".join(change.get("value", "") for change in sent(kernel.messages))


def test_a_refused_cancel_is_said_on_the_card(kernel: Kernel) -> None:
    """When asking for the end fails, the card says so and the button works again."""
    published = kernel.run("job.refusal = OSError('no <b>server</b>')\ncards.show(job)")
    (button,) = [model for model, state in opened(published).items() if state["_model_name"] == "ButtonModel"]
    kernel.click(button)
    kernel.until(
        lambda message: any("not cancelled: no &lt;b&gt;" in str(change.get("value")) for change in sent([message]))
    )
    # the page keeps its mark of the click until the button was disabled for a round
    kernel.until(lambda message: any(change.get("disabled") is False for change in sent([message])))
    kernel.run("pass")
    disabled = [change["disabled"] for change in sent(kernel.messages) if "disabled" in change]
    assert (True in disabled, disabled[-1]) == (True, False)
    kernel.click(button)
    assert kernel.printed("print(job.cancels)") == "2\n"


def test_a_group_is_one_card(kernel: Kernel) -> None:
    """A group of two hundred jobs is one card with one bar."""
    published = kernel.run(
        "cards.show(GivenWork(id='g1', facts=GroupFacts(total=200, counts={State.RUNNING: 2, State.QUEUED: 198})))"
    )
    bundle, _ = displayed(published)
    line = bundle["text/plain"]
    assert re.fullmatch(rf"► was running at {MINUTE}  200 jobs  0/200 \(0%\)  2 running, 198 queued", line)


def test_what_failed_is_run_again_in_the_same_card(kernel: Kernel) -> None:
    """Retry stands where Cancel stood; a click has the work run again, and the card shows that from then on."""
    kernel.run("cards.show(job)\nends(job, State.FAILED)")
    kernel.seen(lambda message: "'Retry'" in str(opened([message])))
    (button,) = [model for model, state in opened(kernel.messages).items() if state.get("description") == "Retry"]
    kernel.run(
        "job.again = GivenWork(id='j2', facts=JobFacts(record=replace(\n"
        "    job.facts.record, id='j2', state=State.RUNNING, finished_at=None, retry_of='j1')))"
    )
    kernel.click(button)
    kernel.until(lambda message: any("running" in str(change.get("value")) for change in sent([message])))
    kernel.run("ends(job.again)\ncards.settle(job.again)")
    assert lines(kernel.messages)[-1].startswith("✓ succeeded  solve")


def test_a_refused_retry_is_said_on_the_card(kernel: Kernel) -> None:
    """The card says why, and the button is there for another try."""
    kernel.run("cards.show(job)\nends(job, State.FAILED)\njob.refusal = OSError('it is <gone>')")
    kernel.seen(lambda message: "'Retry'" in str(opened([message])))
    (button,) = [model for model, state in opened(kernel.messages).items() if state.get("description") == "Retry"]
    kernel.click(button)
    kernel.until(
        lambda message: any("not retried: it is &lt;gone&gt;" in str(change.get("value")) for change in sent([message]))
    )
    kernel.seen(lambda message: {"model": button, "disabled": False} in sent([message]))


def test_the_log_comes_when_it_is_open(kernel: Kernel) -> None:
    """A log that is folded is sent now and then, one that is open twice a second; its colours are colours."""
    kernel.run("cards.show(job)\njob.becomes(log_tail='first \\x1b[31m<red>\\x1b[0m\\n')")
    made = kernel.seen(lambda message: "first" in str(opened([message])))
    assert '<span style="color:#d03c3c">&lt;red&gt;</span>' in str(opened([made]))
    kernel.run("card, = {*cards._cards.values()}\ncard._canvas._fold.value = True")
    kernel.run("job.becomes(log_tail='first\\nsecond\\n')")
    kernel.seen(lambda message: any("first\nsecond" in str(change.get("value")) for change in sent([message])), 2)


def test_what_has_ended_needs_no_widget(kernel: Kernel) -> None:
    """A job that is over is shown as HTML, without a widget and without the ticker."""
    published = kernel.run("ends(job)\ncards.show(job)")
    assert (opened(published), [set(bundle) for bundle in displayed(published)]) == ({}, [{"text/html", "text/plain"}])


def test_facts_that_cannot_be_drawn_touch_nothing_else(kernel: Kernel) -> None:
    """A card that fails warns once, says so, and is right again with the next facts; other cards go on."""
    kernel.run("good = job.facts.record\ncards.show(job)\njob.becomes(record=replace(good, tries=None))")
    shows(kernel, "this card could not be drawn (TypeError); its job is not affected")
    kernel.run("failed = {*cards._cards.values()}.pop()._failures")
    kernel.run("job.becomes(record=replace(good, tries=None, label='x'))")
    kernel.run("import time\nwhile {*cards._cards.values()}.pop()._failures == failed: time.sleep(0.01)")
    kernel.run("job.becomes(record=replace(good, label='well again'))")
    shows(kernel, "well again")
    warned = [item["content"]["text"] for item in kernel.messages if item["msg_type"] == "stream"]
    assert "".join(warned).count("A card could not be drawn; its job is not affected.") == 1


def test_without_widgets_the_html_is_replaced() -> None:
    """With NBQUEUE_WIDGETS=0 there is no widget; the same HTML is replaced while it runs."""
    with running_kernel(NBQUEUE_WIDGETS="0") as kernel:
        kernel.run(BEGIN)
        published = kernel.run("cards.show(job)")
        kernel.run("job.becomes(record=replace(job.facts.record, progress=Progress(done=3, total=4)))")
        kernel.until(lambda message: updated(message) and "3/4" in message["content"]["data"]["text/html"])
        ended = kernel.run("ends(job)")
        assert "succeeded" in displayed(ended, "update_display_data")[-1]["text/html"]
    assert (opened(published), "ipywidgets" in str(published)) == ({}, False)


def test_a_program_that_runs_a_notebook_gets_the_end_only() -> None:
    """With NBQUEUE_NONINTERACTIVE=1 nothing is redrawn; the cell that waited replaces the card by the end."""
    with running_kernel(NBQUEUE_NONINTERACTIVE="1") as kernel:
        kernel.run(BEGIN)
        shown = kernel.run("cards.show(job)")
        kernel.run("ends(job)")
        ended = kernel.run("cards.settle(job)")
    assert (opened(shown), [set(bundle) for bundle in displayed(shown)]) == ({}, [{"text/html", "text/plain"}])
    assert [bundle["text/plain"][:18] for bundle in displayed(ended, "update_display_data")][-1] == "✓ succeeded  solve"


def test_the_cell_that_waited_publishes_the_end_again(kernel: Kernel) -> None:
    """Settling replaces what was shown from within the cell that waited, whoever drew it before."""
    kernel.run("cards.show(job)\nends(job)")
    ended = kernel.run("cards.settle(job)")
    assert displayed(ended, "update_display_data")[-1]["text/plain"].startswith("✓ succeeded  solve")
    assert ended[-2]["parent_header"]["msg_id"] == ended[-1]["parent_header"]["msg_id"]
