"""Cards of what was retried before, in a real kernel with a worker: nothing runs twice, and the new one is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, opened, running_kernel, sent
from tests.workers import running_worker

BEGIN = """
import nbqueue, pathlib
%load_ext nbqueue
flag = pathlib.Path("flag-of-retries").absolute()
flag.unlink(missing_ok=True)
def sometimes(number, flag):
    if number % 3 == 1 and not flag.exists():
        raise ValueError(f"item {number} is bad")
    return number
async def count():
    return len(await nbqueue.jobs.where(limit=1000))
"""


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel, and a worker for its jobs."""
    variables = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    with running_worker(settings), running_kernel(**variables) as found:
        found.run(BEGIN)
        yield found


def button(kernel: Kernel, words: str, since: int) -> str:
    """The button that says so now, made or renamed since then."""

    def named() -> list[str]:
        messages = kernel.messages[since:]
        made = {model: state for model, state in opened(messages).items() if "description" in state}
        for change in sent(messages):
            if "description" in change and change["model"] in made:
                made[change["model"]]["description"] = change["description"]
        return [model for model, state in made.items() if state["description"] == words]

    kernel.seen(lambda _: bool(named()))
    return named()[-1]


def says(kernel: Kernel, words: str, since: int) -> None:
    """Wait until a card says so."""
    kernel.seen(lambda _: any(words in str(change.get("value")) for change in sent(kernel.messages[since:])))


def test_a_group_that_was_retried_offers_the_retry(kernel: Kernel) -> None:
    """Shown again, the old group says as which group it was retried; the click shows that one, and runs nothing."""
    kernel.run("group = await nbqueue.submit_map(sometimes, range(6), [flag] * 6)\ngroup")
    kernel.click(button(kernel, "Retry failed", 0))
    says(kernel, "2 failed", 0)
    says(kernel, "retry of " + kernel.printed("print(group.id)").strip(), 0)
    kernel.run("await (await group.newest()).results(return_errors=True)")
    again = len(kernel.messages)
    kernel.run("group")
    new = kernel.printed("new = await group.newest(); print(new.id)").strip()
    says(kernel, f"retried as {new}: group = await group.newest()", again)
    kernel.run("flag.touch()")
    before = kernel.printed("print(await count())")
    kernel.click(button(kernel, "Show retry", again))
    says(kernel, f"retry of {kernel.printed('print(group.id)').strip()}: group = await group.newest()", again)
    assert (before, kernel.printed("print(await count())")) == ("8\n", "8\n")
    kernel.click(button(kernel, "Retry failed", again))
    says(kernel, "6 succeeded", again)
    assert kernel.printed("print(await count(), await (await group.retry_failed()), await count())") == (
        "10 [0, 1, 2, 3, 4, 5] 10\n"
    )


def test_a_job_that_was_retried_elsewhere_is_not_retried_by_its_card(kernel: Kernel) -> None:
    """A card that was drawn before goes on with the retry that there is; one that is drawn later says so."""
    kernel.run("job = await nbqueue.submit(sometimes, 1, flag)\njob")
    retry = button(kernel, "Retry", 0)
    new = kernel.printed("new = await job.retry()\nprint(new.id)").strip()
    kernel.click(retry)
    says(kernel, f"retry of {kernel.printed('print(job.id)').strip()}: job = await job.newest()", 0)
    assert kernel.printed("print(await count())") == "2\n"
    shown = kernel.run("job")
    says(kernel, f"retried as {new}: job = await job.newest()", len(kernel.messages) - len(shown))
