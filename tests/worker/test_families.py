"""A real worker runs jobs whose libraries cannot be in one process, in any order, in one slot."""

from pathlib import Path
from typing import Any

import nbqueue
from nbqueue import inside
from nbqueue.broker.connection import Address
from nbqueue.broker.envelope import peek
from nbqueue.inside.outside import processors
from nbqueue.model.scaling import Span
from nbqueue.model.settings import Settings
from nbqueue.worker.config import WorkerConfig
from tests.servers import Server
from tests.workers import running_worker

MODULE = """
import os, nbqueue

@nbqueue.task("families-one")
def one():
    from ortools.sat.python import cp_model
    return cp_model.CpModel.__name__, os.getppid()

@nbqueue.task("families-other")
def other():
    import highspy
    return highspy.Highs.__name__, os.getppid()

@nbqueue.task("families-none")
def none():
    return "", os.getppid()
"""


def with_ortools() -> str:
    """Import it."""
    from ortools.sat.python import cp_model

    return str(cp_model.CpModel.__name__)


def with_highspy() -> str:
    """Import it."""
    import highspy

    return str(highspy.Highs.__name__)


def share() -> tuple[int, Any]:
    """The processors it may use, and what numeric libraries are told of them."""
    import os

    return inside.cpus(), [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")]


async def test_jobs_of_solvers_take_turns_in_one_slot(settings: Settings, tmp_path: Path) -> None:
    """By value and by name, in recycled and in fresh processes; those by name are forked from different zygotes."""
    (tmp_path / "family_tasks.py").write_text(MODULE, encoding="utf-8")
    nbqueue.configure(settings)
    with running_worker(settings, "family_tasks", "--slots", "1", modules=[tmp_path]):
        for isolation in ("pool", "fresh"):
            jobs = nbqueue.options(isolation=isolation)
            values = [await jobs.run(fn) for fn in (with_ortools, with_highspy) * 2]
            assert values == ["CpModel", "Highs"] * 2
        found = [await nbqueue.run(f"families-{name}") for name in ("one", "other", "none", "one", "other")]
        assert [value for value, _ in found] == ["CpModel", "Highs", "", "CpModel", "Highs"]
        parents = [parent for _, parent in found]
        assert (parents[:2], len(set(parents))) == (parents[3:], 3)
        assert await nbqueue.run(share) == (processors(), [str(processors())] * 3)


async def test_a_header_names_a_family_where_there_is_one(settings: Settings, server: Server) -> None:
    """As plain text beside the rest, where there are many too; a retry keeps it."""
    nbqueue.configure(settings)
    group = await nbqueue.submit_map(lambda fn: fn(), [with_highspy, share])
    jobs = [await nbqueue.submit(with_ortools), await nbqueue.submit(share), group[0]]
    await jobs[0].cancel()
    jobs.append(await jobs[0].retry())
    with server.client() as client:
        stored: list[Any] = [client.get(f"arq:job:{job.id}") for job in jobs]
    assert [peek(each).get("family") for each in stored] == ["ortools", None, "highspy", "ortools"]


def test_a_slot_has_its_share_of_the_processors() -> None:
    """At least one, also where there are more slots than processors."""
    address = Address()
    shares = [
        WorkerConfig(address=address, slots=slots, span=Span(1, engines)).cpus
        for slots, engines in ((1, 1), (1, 2), (100 * processors(), 1))
    ]
    assert shares == [processors(), max(1, processors() // 2), 1]
    assert WorkerConfig(address=address).slots == processors()
