"""A retry on a card, whose answer takes its time; and cards of what has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.kernels import WIDGET, Kernel, displayed, opened, running_kernel, sent
from tests.notebook.test_cards import BEGIN

#: the answer to a retry comes when it is told to
SLOWLY = """
class Slowly:
    answered = refused = False
    def done(self): return self.answered
    def wait(self, timeout=None):
        if self.refused: raise RuntimeError("the server is full")
        return job.again
answer = Slowly()
job.again = GivenWork(id="j2", facts=JobFacts(record=replace(job.facts.record, id="j2", label="second")))
type(job).retry = lambda self: answer
"""


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A kernel with a card of a job that has failed, and whose retry is answered slowly."""
    with running_kernel() as found:
        found.run(BEGIN)
        found.run(SLOWLY)
        found.run("cards.show(job)\nends(job, State.FAILED)")
        found.seen(lambda message: any(state.get("description") == "Retry" for state in opened([message]).values()))
        yield found


def button(kernel: Kernel, words: str) -> str:
    """The id of a button."""
    [found] = [model for model, state in opened(kernel.messages).items() if state.get("description") == words]
    return found


def is_disabled(kernel: Kernel, model: str, *, wanted: bool) -> None:
    """Wait until a button is sent as that."""
    kernel.seen(
        lambda message: any(change["model"] == model and change.get("disabled") is wanted for change in sent([message]))
    )


def test_the_card_stays_alive_while_the_answer_is_on_its_way(kernel: Kernel) -> None:
    """Retry is disabled so long; then the card goes on with the new job, its Cancel, and no widget is new."""
    retry = button(kernel, "Retry")
    kernel.click(retry)
    is_disabled(kernel, retry, wanted=True)
    begin = len(kernel.messages)
    kernel.run("answer.answered = True")
    kernel.seen(lambda message: "second" in str(sent([message])))
    cancel = button(kernel, "Cancel")
    assert not any(bundle["text/html"] == "" for bundle in displayed(kernel.messages, "update_display_data"))
    kernel.click(cancel)
    kernel.seen(lambda message: "cancelling" in str(sent([message])))
    assert kernel.printed("print(job.again.cancels)") == "1\n"
    assert set(opened(kernel.messages[begin:])) == set()


def test_a_refused_retry_can_be_asked_for_again(kernel: Kernel) -> None:
    """The card says why, and its button is as it was."""
    retry = button(kernel, "Retry")
    kernel.click(retry)
    is_disabled(kernel, retry, wanted=True)
    kernel.run("answer.refused = answer.answered = True")
    kernel.seen(lambda message: "not retried: the server is full" in str(sent([message])))
    is_disabled(kernel, retry, wanted=False)
    kernel.run("answer.refused = False")
    kernel.click(retry)
    kernel.seen(lambda message: "second" in str(sent([message])))


def test_showing_what_has_ended_again_leaves_nothing_behind(kernel: Kernel) -> None:
    """The older card becomes a picture, and of its widgets nothing is left; nor of the last one once cards stop."""
    count = "from comm import get_comm_manager\nprint(len(get_comm_manager().comms))"
    one = int(kernel.printed(count))
    for _ in range(3):
        kernel.run("cards.show(job)")
    assert int(kernel.printed(count)) == one
    kernel.run("cards.stop()")
    assert kernel.printed(count) == "0\n"


def test_an_id_may_be_used_again(kernel: Kernel) -> None:
    """A job that is submitted after the end of another one of its id has a card of its own."""
    kernel.run("cards.show(GivenWork(id='j1', facts=JobFacts(record=replace(job.facts.record, label='next')))) ")
    kernel.seen(lambda message: "next" in str(displayed([message])))


def test_what_stands_still_is_saved_as_it_stands(kernel: Kernel) -> None:
    """A change that came just after the card was saved is saved later, also where nothing comes after it."""
    kernel.run(
        "from nbqueue.notebook import outputs\noutputs.SAVED_S = 0.5\n"
        "other = GivenWork(id='j4', facts=JobFacts(record=replace(job.again.facts.record, id='j4', started_at=None)))\n"
        "cards.show(other)\n"
        "other.becomes(record=replace(other.facts.record, progress=Progress(message='the last word')))"
    )
    kernel.seen(lambda item: any(
        "the last word" in bundle["text/html"] for bundle in displayed([item], "update_display_data")
    ))  # fmt: skip


def test_closed_widgets_are_made_anew(kernel: Kernel) -> None:
    """Whoever closes all widgets gets new ones with the next cell that shows the job."""
    kernel.run("other = GivenWork(id='j3', facts=JobFacts(record=replace(job.again.facts.record, id='j3')))")
    kernel.run("cards.show(other)")
    closed = set(opened(kernel.messages))
    kernel.run("import ipywidgets\nipywidgets.Widget.close_all()")
    [_, live] = displayed(kernel.run("cards.show(other)"))
    models = opened(kernel.messages)
    assert live[WIDGET]["model_id"] in set(models) - closed
