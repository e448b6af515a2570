"""`evaluate`: nothing is asked twice, whatever became of the jobs before."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.known import attach, jobs
from nbqueue.client.portal import shutdown
from nbqueue.errors import JobCrashed, JobFailed
from nbqueue.evaluators import Evaluation, evaluate
from nbqueue.model.settings import Settings
from tests.evaluators.service import Service, doubled, exact, questions
from tests.waiting import SLACK, until
from tests.workers import running_worker

pytestmark = pytest.mark.usefixtures("connected")


async def test_the_same_call_finds_its_evaluation_again(service: Service) -> None:
    """It asks nothing twice, also after a restart; another name, other items and `fresh` are other evaluations."""
    first = await evaluate(questions(service, 6), doubled, exact)
    shutdown()  # as a new kernel: nothing is known here
    assert await evaluate(questions(service, 6), doubled, exact) == first
    assert service.total == 6
    await evaluate(questions(service, 6), doubled, exact, name="other")
    await evaluate(questions(service, 7), doubled, exact)
    await evaluate(questions(service, 6), doubled, exact, fresh=True)
    assert service.total == 6 + 6 + 7 + 6


async def test_other_scorers_judge_the_outputs_that_are_there(service: Service) -> None:
    """The task is not asked again for them."""
    await evaluate(questions(service, 6), doubled, exact)
    found = await evaluate(questions(service, 6), doubled, {"wrong": lambda output, target: output != target})
    assert {name: (mean.mean, mean.n) for name, mean in found.means.items()} == {"wrong": (2 / 6, 6)}
    assert service.total == 6


async def test_what_is_resumed_asks_for_what_failed_alone(service: Service) -> None:
    """`resume` takes over the rows that did not fail, of whatever evaluation of these ids."""
    service.broken = {2}
    found = await evaluate(questions(service, 5), doubled, exact, retries=0)
    service.broken = set()
    again = await evaluate(questions(service, 5), doubled, exact, retries=0, resume=found)
    assert (again.errors, again.is_complete, dict(service.served)) == ((), True, dict.fromkeys(range(5), 1))


async def test_a_killed_worker_costs_no_row_that_was_kept(service: Service, module_settings: Settings) -> None:
    """SIGKILL of all its processes: another goes on; only what was under way, or just done, is asked again."""
    service.takes_s = 0.1
    with running_worker(module_settings, "--queues", "killed", "--slots", "1", machine="one") as first:
        pending = evaluate(questions(service, 40), doubled, exact, concurrency=2, retries=0, queue="killed")
        await until(lambda: service.total >= 24, 20)
        first.kill()
        done = service.total
    with running_worker(module_settings, "--queues", "killed", "--slots", "1", machine="two"):
        found = await pending
    again = sum(count - 1 for count in service.served.values())
    assert (found.is_complete, found.errors, set(service.served)) == (True, (), set(range(40)))
    # what was done in the second before is not kept yet; with two at once of 0.1 s these are 20 and those under way
    assert again <= min(24 * SLACK, done - 1), (again, done)


@pytest.mark.usefixtures("worker")
async def test_a_killed_child_costs_only_what_was_under_way(service: Service, tmp_path: Path) -> None:
    """Its worker lives, and knows all but the rows of the last moment."""

    def noted(item: dict[str, Any]) -> int:
        (tmp_path / "pid").write_text(str(os.getpid()), encoding="ascii")
        return doubled(item)

    service.takes_s = 0.1
    pending = evaluate(questions(service, 30), noted, exact, concurrency=2, retries=0)
    await until(lambda: service.total >= 15, 20)
    pid = await until(lambda: (tmp_path / "pid").read_text(encoding="ascii"))  # empty while it is written anew
    os.kill(int(pid), signal.SIGKILL)
    found: Evaluation = await pending
    again = sum(count - 1 for count in service.served.values())
    assert (found.is_complete, found.errors) == (True, ())
    assert again <= min(8 * SLACK, 14)


async def test_a_job_that_crashed_for_good_costs_only_what_was_under_way(service: Service, tmp_path: Path) -> None:
    """Its rows are taken up by the same call, with their scores, though it has no result."""
    bad = tmp_path / "bad"
    bad.touch()

    def deadly(item: dict[str, Any]) -> int:
        if item["input"] == 15 and bad.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return doubled(item)

    service.takes_s = 0.1
    with pytest.raises(JobCrashed):
        await evaluate(questions(service, 20), deadly, exact, concurrency=1, retries=0)
    bad.unlink()
    asked = service.total
    found = await evaluate(questions(service, 20), deadly, exact, concurrency=1, retries=0)
    assert (found.is_complete, found.errors, found.means["exact"].n) == (True, (), 20)
    assert service.total - asked <= min(5 + 4 * SLACK, 18)


async def test_a_deleted_job_hides_none_that_came_after(service: Service) -> None:
    """The same call finds the last one whatever became of those before."""
    service.broken = {3}
    given: dict[str, Any] = {"concurrency": 1, "retries": 0, "max_errors": 0}
    assert (await evaluate(questions(service, 6), doubled, **given)).stopped_by == "errors"
    service.broken = set()
    found = await evaluate(questions(service, 6), doubled, **given)
    ids = [record.id for record in (await jobs.where(tag="evaluation", limit=2)).records]
    (first,) = [job_id for job_id in ids if job_id.endswith("-1")]
    assert await (await attach(first)).delete() == "deleted"
    assert await evaluate(questions(service, 6), doubled, **given) == found
    assert service.total == 6


async def test_an_evaluation_may_be_asked_for_in_a_job(service: Service) -> None:
    """It finds its earlier jobs there as well, and asks nothing twice."""
    items = questions(service, 4)

    async def ask() -> Evaluation:
        return await evaluate(items, doubled, exact)

    found = [await nbqueue.run(ask), await nbqueue.run(ask), await ask()]
    assert found[0].is_complete
    assert found[1:] == [found[0]] * 2
    assert service.total == 4


async def test_a_job_goes_on_from_the_rows_of_one_that_crashed(service: Service, tmp_path: Path) -> None:
    """Also where the evaluation is asked for inside of a job, rows of one that crashed for good are at hand."""
    bad = tmp_path / "bad"
    bad.touch()
    service.takes_s = 0.1
    items = questions(service, 20)

    def deadly(item: dict[str, Any]) -> int:
        if item["input"] == 15 and bad.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return doubled(item)

    async def ask() -> Evaluation:
        return await evaluate(items, deadly, exact, concurrency=1, retries=0)

    with pytest.raises(JobFailed) as failed:
        await nbqueue.run(ask)
    assert isinstance(failed.value.__cause__, JobCrashed)
    bad.unlink()
    asked = service.total
    found = await nbqueue.run(ask)
    assert (found.is_complete, found.errors) == (True, ())
    assert service.total - asked <= min(5 + 4 * SLACK, 18)
