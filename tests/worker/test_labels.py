"""Jobs that ask for labels: they wait for a worker that has them, and say what they wait for."""

import asyncio
from pathlib import Path

import pytest

from nbqueue import Queue, options, submit
from nbqueue.model.settings import Settings
from tests.cli.commands import run
from tests.faults import bodies
from tests.waiting import until
from tests.workers import Ledger, running_worker

pytestmark = pytest.mark.usefixtures("session")


async def test_jobs_run_where_their_labels_are(settings: Settings) -> None:
    """However many at once, whatever slots are free elsewhere."""
    with (
        running_worker(settings, "--slots", "2", "--labels", "site=berlin") as one,
        running_worker(settings, "--slots", "2", "--labels", "ssd,site=paris") as two,
    ):
        asked = {("site=berlin",): one, ("site=paris",): two, ("ssd",): two, ("site=paris", "ssd"): two}
        jobs = {labels: [await options(labels=labels).submit(abs, -n) for n in range(6)] for labels in asked}
        for labels, worker in asked.items():
            assert [await job for job in jobs[labels]] == list(range(6))
            assert {(await job.info()).worker for job in jobs[labels]} == set(worker.engine_ids())
        found = {engine.id: engine.labels for engine in await Queue("default").workers()}
        assert found == {one.engine_ids()[0]: ("site=berlin",), two.engine_ids()[0]: ("site=paris", "ssd")}


async def test_a_job_says_what_it_waits_for(settings: Settings, tmp_path: Path) -> None:
    """The worker that would run it, as a command; and when one is there it runs."""
    ledger = Ledger(tmp_path / "ledger")
    with running_worker(settings, "--slots", "1", "--labels", "site=berlin"):
        job = await options(labels=["site=paris"], resources={"gpu": 1}).submit(bodies.quick, str(ledger.path), "job")

        async def told() -> bool:
            found = await asyncio.to_thread(run, "jobs", "--url", str(settings.url))
            return found.stderr.strip() == lacks

        lacks = (
            'nbqueue: no worker that serves queue "default" offers gpu=1, label site=paris: start one with '
            "nbqueue worker --queues default --resources gpu=1 --labels site=paris"
        )
        await until(told, 10)
        with running_worker(settings, "--slots", "1", "--labels", "site=paris", "--resources", "gpu=1"):
            assert await job == "job"


async def test_a_function_says_what_its_worker_must_have(settings: Settings, tmp_path: Path) -> None:
    """Where it is called by its name alone, what `@task` says of labels holds."""
    (tmp_path / "label_tasks.py").write_text(
        "import nbqueue\n\n@nbqueue.task('labelled', labels=['gpu'])\ndef labelled():\n    return 1\n", encoding="utf-8"
    )
    with (
        running_worker(settings, "label_tasks", "--slots", "1", modules=[tmp_path]),
        running_worker(settings, "label_tasks", "--slots", "1", "--labels", "gpu", modules=[tmp_path]) as able,
    ):
        jobs = [await submit("labelled") for _ in range(4)]
        assert [await job for job in jobs] == [1] * 4
        assert {(await job.info()).worker for job in jobs} == set(able.engine_ids())
