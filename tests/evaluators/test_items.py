"""`evaluate`: a function over a data set as one job, with limits, retries, refusals, stops and kills."""

import operator
import os
from functools import partial, wraps
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.known import attach, jobs
from nbqueue.errors import JobFailed
from nbqueue.evaluators import evaluate
from nbqueue.model.job import JobRecord
from tests.evaluators.service import Service, doubled, exact, questions
from tests.waiting import until, wait_until

pytestmark = pytest.mark.usefixtures("connected")


async def running(count: int = 1) -> list[JobRecord]:
    """The evaluations that run now, once there are so many."""
    return await until(lambda: _running(count), 10)


async def _running(count: int) -> list[JobRecord]:
    found = (await jobs.where(state="running", tag="evaluation")).records
    return list(found) if len(found) >= count else []


async def test_an_evaluation_gives_a_row_an_item(service: Service) -> None:
    """Rows are in the order of the items, whichever ended first; failing items are rows with their error."""
    service.broken = {3, 7}
    service.stumbles = 1
    found = await evaluate(questions(service, 20), doubled, exact, retries=nbqueue.RetryPolicy(max_tries=2, base=0.01))
    assert [sample.id for sample in found.samples] == [f"q{number}" for number in range(20)]
    assert [sample.output for sample in found.samples] == [
        None if number in service.broken else 2 * number for number in range(20)
    ]
    assert {sample.attempts for sample in found.samples} == {2}
    assert [(sample.id, sample.error) for sample in found.errors] == [
        ("q3", "HTTPError: HTTP Error 400: Bad Request"),
        ("q7", "HTTPError: HTTP Error 400: Bad Request"),
    ]
    assert (found.metrics["exact"]["mean"], found.metrics["exact"]["n"]) == (14 / 18, 18)
    assert (found.is_complete, found.stopped_by, set(service.came.values())) == (True, None, {2})


async def test_a_refusal_holds_everybody_and_counts_for_nobody(service: Service) -> None:
    """After an HTTP 429 no call comes before its time, and no item loses a try by it."""
    service.refusals = 3
    found = await evaluate(questions(service, 12), doubled, exact, concurrency=3, retries=0)
    assert (len(found.errors), {sample.attempts for sample in found.samples}) == (0, {1})
    last = max(service.refused_at)
    assert min(service.served_at) - last >= service.retry_after_s
    assert sum(service.came.values()) == 12 + 3


async def test_a_rate_spreads_the_calls(service: Service) -> None:
    """Never do more begin than it says; the retries count too."""
    service.stumbles = 1
    policy = nbqueue.RetryPolicy(max_tries=2, base=0.01)
    await evaluate(questions(service, 6), doubled, exact, rate="10/s burst 1", retries=policy)
    gaps = [late - early for early, late in pairwise(service.served_at)]
    assert service.total == 6
    assert max(service.served_at) - min(service.served_at) >= 0.1 * 5 - 0.05, gaps


async def test_async_functions_run_beside_one_another() -> None:
    """No more than `concurrency` at once; a scorer may be async too and take the item."""
    counts = {"now": 0, "most": 0}

    async def echo(item: int) -> tuple[int, int]:
        import asyncio

        counts["now"] += 1
        counts["most"] = max(counts["most"], counts["now"])
        await asyncio.sleep(0.01)
        counts["now"] -= 1
        return item, counts["most"]

    async def judge(output: tuple[int, int], target: None, item: int) -> dict[str, float]:
        return {"most": output[1], "same": output[0] == item, "targets": target is not None}

    found = await evaluate(range(30), echo, judge, concurrency=5)
    assert max(sample.scores["most"] for sample in found.samples) == 5
    assert (found.means["same"].mean, found.means["targets"].mean) == (1, 0)
    assert found.scorers == ("most", "same", "targets")


async def test_one_call_that_takes_too_long_fails_its_item_alone() -> None:
    """Sync or async, it ends as an error of its item, and the others have theirs."""

    def slow(item: int) -> int:
        import time

        time.sleep(60 if item == 1 else 0)
        return item

    async def slow_too(item: int) -> int:
        import asyncio

        await asyncio.sleep(60 if item == 1 else 0)
        return item

    for task in (slow, slow_too):
        found = await evaluate(range(3), task, item_timeout=0.2, retries=0)
        assert [sample.error for sample in found.samples] == ["", "TimeoutError: It took longer than 0.2 s.", ""]


async def test_too_many_errors_end_it(service: Service) -> None:
    """What there is is given, and the same call tries those again that had failed."""
    service.broken = set(range(50))
    found = await evaluate(questions(service, 50), doubled, exact, concurrency=1, retries=0, max_errors=4)
    assert (found.stopped_by, found.metrics["_errors"], found.metrics["_missing"]) == ("errors", 5, 45)
    service.broken = set()
    again = await evaluate(questions(service, 50), doubled, exact, concurrency=4, retries=0, max_errors=4)
    assert (again.stopped_by, len(again.samples), len(again.errors), service.total) == (None, 50, 0, 50)


async def test_a_cancelled_evaluation_gives_what_it_has_and_goes_on_later(service: Service) -> None:
    """Cancelled after some of 200 items, it asks for the others alone when it is called again."""
    service.takes_s, service.broken = 0.02, {5, 55, 105, 155}
    items = questions(service, 200)
    for number in (1, 2, 3):
        items[number]["target"] = -1
    pending = evaluate(items, doubled, exact, concurrency=2, retries=0)
    (record,) = await running()
    await until(lambda: service.total >= 17)
    assert await (await attach(record.id)).cancel() == "cancelled"
    found = await pending
    assert (found.stopped_by, found.is_complete) == ("cancel", False)
    assert 15 <= len(found.samples) < 200
    assert found.metrics["_missing"] == 200 - len(found.samples)
    service.takes_s = 0
    again = await evaluate(items, doubled, exact, concurrency=8, retries=0)
    assert (again.is_complete, again.stopped_by, len(again.errors)) == (True, None, 4)
    assert (again.metrics["exact"]["mean"], again.metrics["exact"]["n"]) == (157 / 196, 196)
    assert dict(service.served) == {number: 1 for number in range(200) if number not in service.broken}


async def test_an_evaluation_is_cancelled_by_what_it_gave(service: Service) -> None:
    """Its job is cancelled, and who waits for it has the rows that there are, none where it had not begun."""
    service.takes_s = 0.02
    items = questions(service, 200)
    pending = evaluate(items, doubled, exact, name="cancelled", concurrency=2)
    await until(lambda: service.total >= 5)
    pending.cancel()
    found = await pending
    assert (found.stopped_by, found.is_complete, len(found.samples) >= 3) == ("cancel", False, True)
    assert await _running(1) == []
    asked = evaluate(items, doubled, exact, name="not begun", concurrency=2)
    asked.cancel()
    nothing = await asked
    assert (nothing.stopped_by, nothing.samples, nothing.metrics["_missing"]) == ("cancel", (), 200)


def test_a_cancelled_evaluation_that_is_killed_gives_what_it_had_kept(tmp_path: Path) -> None:
    """A task that holds up its process is killed after its grace; the rows before it are there."""
    folder = tmp_path

    async def stuck(item: int) -> int:
        import asyncio
        import time

        if item == 3:
            await asyncio.sleep(0.5)  # the rows before are kept by then
            (folder / "stuck").touch()
            time.sleep(60)  # noqa: ASYNC251 - it is what nobody should do
        return item

    pending = evaluate(range(9), stuck, name="killed", concurrency=1, grace=0.2)
    wait_until((folder / "stuck").exists, 20)
    pending.cancel()
    found = pending.wait(20)
    assert (found.stopped_by, [sample.output for sample in found.samples]) == ("cancel", [0, 1, 2])


def test_a_pending_evaluation_says_what_it_can_do() -> None:
    """Names of jobs lead to what there is."""
    pending = evaluate([1], operator.neg)
    assert not hasattr(pending, "job")
    with pytest.raises(AttributeError) as refused:
        _ = pending.job  # type: ignore[attr-defined]
    said = "A Pending has no 'job': await it, or call .wait(), for its answer; .cancel() ends it."
    assert (str(refused.value), pending.wait().samples[0].output, pending.done()) == (said, -1, True)


async def test_a_time_limit_gives_what_there_is(service: Service) -> None:
    """The evaluation ends within its grace, as one that succeeded with a part of the rows."""
    service.takes_s = 0.05
    items = questions(service, 500)
    found = await evaluate(items, doubled, exact, concurrency=2, timeout=3, grace=2, keep_result=60)
    assert (found.stopped_by, found.is_complete, len(found.samples) > 0) == ("timeout", False, True)


async def test_an_error_of_the_whole_is_raised() -> None:
    """Outputs that cannot be sent fail the job, which says where they are."""

    def odd(item: int) -> Any:
        import threading

        return threading.Lock() if item else 0

    with pytest.raises(JobFailed, match="lock"):
        await evaluate(range(2), odd)


async def test_progress_and_running_means_are_reported(service: Service) -> None:
    """The job's record has how many are done of how many, and the mean of each score as a metric."""
    await evaluate(questions(service, 10), doubled, exact, name="told", concurrency=1)
    (record,) = (await jobs.where(tag="evaluation", function="evaluated", limit=1)).records
    assert (record.label, record.state) == ("told", "succeeded")
    metrics = await (await attach(record.id)).metrics()
    assert metrics[metrics["name"] == "exact"]["value"].tolist()[-1] == 0.8


async def test_functions_of_which_nobody_knows_are_called() -> None:
    """Builtins, wrappers, partials and objects are taken where Python itself would not refuse them."""

    def with_session(fn: Any) -> Any:
        @wraps(fn)
        def wrapper(item: Any) -> Any:
            return fn("session", item)

        return wrapper

    @with_session
    def needs_two(session: str, item: int) -> int:
        return item if session else 0

    scorers: dict[str, Any] = {"same": operator.eq, "max": max, "partial": partial(lambda most, *_: most, 3)}
    found = await evaluate([{"input": 1, "target": 0}], lambda item: needs_two(item)["input"], scorers)
    assert dict(found.samples[0].scores) == {"same": 0, "max": 1, "partial": 3}


async def test_what_most_items_failed_with_is_told() -> None:
    """The report names it with its count, and so does the card."""

    def broken(item: int) -> int:
        raise ValueError("no" if item else "never")

    found = await evaluate(range(4), broken, name="broken", retries=0)
    words = "4 failed, 3 of them with ValueError: no"
    assert repr(found) == f"<Evaluation broken: 4 of 4 items; {words}>"
    assert words in found._repr_html_()
    (record,) = (await jobs.where(tag="evaluation", function="evaluated", limit=1)).records
    assert record.progress is not None
    assert record.progress.message == words


async def test_a_scorer_that_answers_what_is_no_score_is_asked_once(tmp_path: Path) -> None:
    """It would answer the same again; the card of the job, which has succeeded, has how many items failed."""

    def worded(output: str, _: None) -> str:
        Path(output).mkdir()  # twice it would be another error
        return "good"

    found = await evaluate([f"{tmp_path}/{number}" for number in range(3)], str, worded, name="worded", retries=5)
    words = "3 failed, all with scorer worded: TypeError: The scorer worded answered str: give a number, a bool, None,"
    assert words in repr(found)
    (record,) = (await jobs.where(tag="evaluation", function="evaluated", limit=1)).records
    assert record.progress is not None
    assert (record.state, dict(record.progress.metrics)) == ("succeeded", {"failed": 3})


async def test_a_task_without_a_digest_is_evaluated_all_the_same() -> None:
    """A warning says that the same call will not find it again."""

    class Odd:
        def __call__(self, item: int) -> int:
            return item

        def __reduce__(self) -> Any:
            return Odd, (), {"id": os.urandom(8)}

    with pytest.warns(UserWarning, match="The same call will not find this evaluation again: "):
        found = await evaluate(range(2), Odd(), name="odd")
    assert [sample.output for sample in found.samples] == [0, 1]


def test_a_script_waits_without_a_loop(service: Service) -> None:
    """`.wait()` gives the same."""
    assert evaluate(questions(service, 3), doubled, exact).wait(20).is_complete
