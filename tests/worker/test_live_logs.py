"""The log on a live card while the job runs: whoever looks late, and whoever was cut off, sees all of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import nbqueue
from nbqueue.broker import reported
from nbqueue.broker.keys import Keys
from nbqueue.client.live import Live
from nbqueue.client.session import session
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.servers import Server
from tests.waiting import until
from tests.workers import running_worker


def counting(folder: str, lines: int, pause_s: float) -> None:
    """Print lines, then wait until it is told to end."""
    import time
    from pathlib import Path

    for number in range(lines):
        print(f"line {number}")  # noqa: T201
        time.sleep(pause_s)
    Path(folder, "printed").touch()
    while not Path(folder, "end").exists():
        time.sleep(0.02)


def dying(folder: str) -> None:
    """Print a line in each of two attempts, the first of which fails."""
    import time
    from pathlib import Path

    print("the same line")  # noqa: T201
    time.sleep(0.3)
    if not Path(folder, "failed").exists():
        Path(folder, "failed").touch()
        raise ValueError("once")
    while not Path(folder, "end").exists():
        time.sleep(0.02)


@pytest.fixture
def folder(settings: Settings) -> Path:
    """Where jobs leave word, and find it."""
    nbqueue.configure(settings)
    folder = settings.home / "said"
    folder.mkdir(parents=True)
    return folder


def lines(count: int) -> str:
    """What `counting` prints."""
    return "".join(f"line {number}\n" for number in range(count))


async def test_whoever_follows_just_after_the_only_line_sees_it(settings: Settings, folder: Path) -> None:
    """A line that was published before somebody listened, and kept only afterwards, is there while the job runs."""
    with running_worker(settings):
        job = await nbqueue.submit(counting, str(folder), 1, 0.0)
        await until((folder / "printed").exists, 20)
        lives: list[Live] = []
        for _ in range(10):
            lives.append((await nbqueue.attach(job.id)).live())
            await asyncio.sleep(0.1)
        await until(lambda: [each.log_tail for each in lives] == [lines(1)] * len(lives))
        assert not any(each.record.state.is_final for each in lives)
        (folder / "end").touch()
        await job


async def test_whoever_looks_in_the_middle_never_sees_a_line_left_out(settings: Settings, folder: Path) -> None:
    """Whenever a card is opened while a job prints, its log is at each moment the log up to a line."""
    with running_worker(settings):
        job = await nbqueue.submit(counting, str(folder), 14, 0.3)
        lives, seen = list[Live](), set[str]()
        while not (folder / "printed").exists():
            lives.append((await nbqueue.attach(job.id)).live())
            for _ in range(5):
                await asyncio.sleep(0.02)
                seen |= {each.log_tail for each in lives}
        await until(lambda: all(each.log_tail == lines(14) for each in lives))
        assert seen <= {lines(count) for count in range(15)}
        (folder / "end").touch()
        await job


@pytest.mark.parametrize(
    "name", ["nbqueue-client", pytest.param("nbqueue-", marks=pytest.mark.slow)], ids=["the card", "the worker too"]
)
async def test_whoever_was_cut_off_has_what_was_printed_meanwhile(
    settings: Settings, folder: Path, server: Server, name: str
) -> None:
    """With connections killed for two seconds, card and log have all lines soon, each once and in order."""
    with running_worker(settings):
        job = await nbqueue.submit(counting, str(folder), 60, 0.1)
        live = job.live()
        await until(lambda: live.log_tail.count("\n") > 5)
        await server.cut_off(name, 2)
        await until((folder / "printed").exists, 20)
        await until(lambda: live.log_tail == lines(60))
        assert live.record.state is State.RUNNING
        (folder / "end").touch()
        await job
        assert await job.logs() == lines(60)


async def test_the_lines_of_another_attempt_come_after(settings: Settings, folder: Path) -> None:
    """Attempts that print the same have it once each, for whoever followed from the start and whoever comes late."""
    with running_worker(settings):
        job = await nbqueue.options(retry=2).submit(dying, str(folder))
        early = job.live()
        await until(lambda: early.record.fence == 2 and early.log_tail.count("line") == 2, 20)
        late = (await nbqueue.attach(job.id)).live()
        await until(lambda: late.log_tail.count("line") == 2)
        (folder / "end").touch()
        await job
        kept = await job.logs()
        await until(lambda: early.complete and late.complete)
        assert (early.log_tail, late.log_tail) == (kept, kept)


async def test_a_record_of_a_wrong_type_hides_no_other(settings: Settings, server: Server) -> None:
    """How long the logs of several jobs are is known also where something else stands in the place of one."""
    nbqueue.configure(settings)
    keys = Keys()
    with server.client() as client:
        client.hset(keys.record("one"), mapping={"log_kept": 5, "log_dropped": 10})
        client.set(keys.record("two"), "a string")
        client.hset(keys.record("three"), "log_kept", "many")
    found = session().call(
        lambda link: link.wire.ask(lambda client: reported.log_bytes(client, keys, ["one", "two", "three", "none"]))
    )
    assert await asyncio.wrap_future(found) == [15, 0, 0, 0]
    with server.client() as client:
        client.delete(*map(keys.record, ("one", "two", "three")))
