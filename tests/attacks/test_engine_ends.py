"""Code in the engine's own loop that ends it: the supervisor believes what an engine says, never an exit code."""

from pathlib import Path

import pytest

from nbqueue import JobCrashed, JobFailed, run, submit
from nbqueue.model.settings import Settings
from nbqueue.worker.link import EXIT_NO_MODULE
from tests.attacks.conftest import TASKS
from tests.workers import running_worker, start_worker

pytestmark = pytest.mark.usefixtures("client")


def test_an_engine_ended_by_a_job_is_replaced(module_settings: Settings) -> None:
    """Also with the exit code of an engine whose module is broken: the job is given up, the worker goes on."""
    with running_worker(module_settings, "leavers", modules=[TASKS]) as worker:
        with pytest.raises(JobCrashed):
            submit("leave", EXIT_NO_MODULE).wait(5).wait(40)
        assert run("pid").wait(20) == worker.engine()
        assert worker.process.poll() is None
        assert f"ended (exit code {EXIT_NO_MODULE}); starting another" in worker.log


def test_a_job_that_exits_ends_alone(module_settings: Settings) -> None:
    """`sys.exit()` in the engine's loop is an error of the job, as it is in a child."""
    with running_worker(module_settings, "leavers", modules=[TASKS]) as worker:
        before = worker.engine_ids()
        for error in ("SystemExit", "KeyboardInterrupt"):
            with pytest.raises(JobFailed, match=f"{error}: done"):
                submit("exit", error).wait(5).wait(20)
        assert run("pid").wait(20) == worker.engine()
        assert worker.engine_ids() == before


def test_an_engine_whose_duties_were_cancelled_is_replaced(module_settings: Settings, tmp_path: Path) -> None:
    """A loop that turns is no sign of life where nothing is claimed and recorded any more."""
    with running_worker(module_settings, "leavers", modules=[TASKS]) as worker:
        before = worker.engine_ids()
        assert submit("unload", str(tmp_path / "once")).wait(5).wait(20) == "ran again"
        assert set(before).isdisjoint(worker.engine_ids())
        assert "The engine failed and is replaced" in worker.log


def test_a_burst_ends_when_the_queue_is_empty(module_settings: Settings) -> None:
    """And not when a job ends its engine with 0: another one does what is left."""
    jobs = [submit("leave", 0).wait(5), *[submit("pid").wait(5) for _ in range(3)]]
    burst = start_worker(module_settings, "leavers", "--burst", "--concurrency", "1", modules=[TASKS])
    try:
        assert burst.exit_code(60) == 0
        assert [str(job.state().wait(5)) for job in jobs] == ["crashed", "succeeded", "succeeded", "succeeded"]
    finally:
        burst.kill()
