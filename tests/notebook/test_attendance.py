"""Jobs that wait where no worker looks say so, on every face, and the server is asked little for it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
from rich.console import Console

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from nbqueue.notebook import reprs, terminal
from nbqueue.notebook.bars import Bars
from tests.notebook.kernels import Message, displayed, running_kernel, sent
from tests.notebook.shells import running_shell
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

SENTENCE = 'no worker serves queue "lonely": start one with nbqueue worker --queues lonely'


@pytest.fixture
def submitter(settings: Settings) -> Iterator[Any]:
    """Submits to a queue that nobody serves."""
    nbqueue.configure(settings)
    yield nbqueue.options(queue="lonely")
    shutdown()


def test_a_card_says_that_nobody_serves_its_queue(settings: Settings) -> None:
    """The sentence comes while the job waits, and goes when a worker takes it."""

    def told(message: Message) -> bool:
        return any(escape(SENTENCE) in str(change.get("value")) for change in sent([message]))

    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("import nbqueue\njob = await nbqueue.options(queue='lonely').submit(sum, [1, 2])\njob")
        kernel.until(told)
        with running_worker(settings, "--queues", "lonely", "--slots", "1"):
            kernel.run("assert await job == 3")
    end = [each for each in displayed(kernel.messages, "update_display_data") if each["text/plain"]][-1]
    assert (end["text/plain"][:11], "no worker" in str(end)) == ("✓ succeeded", False)


def test_a_group_of_a_paused_queue_does_not_run(submitter: Any) -> None:
    """Its card says so also where it has begun, and no longer once the queue goes on."""
    group = submitter.submit_map(abs, range(3)).wait()
    group[0].cancel().wait()
    nbqueue.Queue("lonely").pause().wait()
    with terminal.show([group], console=Console(file=io.StringIO(), width=200)) as board:
        wait_until(lambda: board.views()[0].look.word == "paused", timeout_s=10)
        assert board.views()[0].notes == ('queue "lonely" is paused',)
        nbqueue.Queue("lonely").resume().wait()
        wait_until(lambda: (board.views()[0].look.word, board.views()[0].hint) == ("queued", SENTENCE), timeout_s=20)
    group.cancel().wait()


def test_a_card_says_that_nobody_has_what_it_needs(settings: Settings) -> None:
    """A worker serves the queue, and offers too little for a job, and for the jobs of a group."""
    nbqueue.configure(settings)
    to = nbqueue.options(queue="lonely", resources={"gpu": 2})
    with running_worker(settings, "--queues", "lonely", "--slots", "1", "--resources", "gpu=1"):
        works: list[Any] = [to.submit(sum, [1]).wait(), to.submit_map(abs, range(3)).wait()]
        with terminal.show(works, console=Console(file=io.StringIO(), width=200)) as board:
            needs = 'no worker that serves queue "lonely" offers gpu=2: start one with'
            wait_until(lambda: all(view.hint.startswith(needs) for view in board.views()), timeout_s=10)
    for work in works:
        work.cancel().wait()
    shutdown()


def test_many_that_wait_are_one_question(submitter: Any, server: Server) -> None:
    """Jobs and a group that wait for seconds ask the server about workers once every two seconds, all together."""
    works = [submitter.submit(sum, [number]).wait() for number in range(30)] + [
        submitter.submit_map(abs, range(50)).wait()
    ]
    console = Console(file=io.StringIO(), width=200)
    with server.client() as client:
        client.config_resetstat()
    with terminal.show(works, console=console) as board:
        wait_until(lambda: all(view.hint == SENTENCE for view in board.views()), timeout_s=10)
        with server.client() as client:
            asked: Any = client.info("commandstats")
    assert asked["cmdstat_zrange"]["calls"] <= 2
    assert console.file.getvalue().count(SENTENCE) == len(works)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("submitter")
def test_nobody_asks_while_nothing_waits(server: Server) -> None:
    """A job that waits for its time asks nothing about workers."""
    with server.client() as client:
        client.config_resetstat()
    job = nbqueue.options(queue="lonely", delay=60).submit(sum, [1]).wait()
    with terminal.show([job], console=Console(file=io.StringIO())) as board:
        wait_until(lambda: board.views()[0].look.word == "scheduled")
        board.views()
    with server.client() as client:
        found: Any = client.info("commandstats")
    assert "cmdstat_zrange" not in found


def test_a_handle_in_a_terminal_says_it_too(submitter: Any, server: Server) -> None:
    """The one line for a handle at the end of a cell has the sentence where the job has waited for long."""
    job = submitter.submit(sum, [1]).wait()
    _waits_since_long(server, job.id)
    console = Console(file=io.StringIO(), width=200)
    Bars(console).display(job)
    assert console.file.getvalue() == f"○ queued  sum  {SENTENCE}\n"  # type: ignore[attr-defined]


def test_a_list_of_jobs_says_it_too(submitter: Any) -> None:
    """%nbqueue jobs has the sentence in the row of the job."""
    with running_shell() as shell:
        shell.run_line_magic("load_ext", "nbqueue")
        submitter.submit(sum, [1]).wait()
        assert [row[-1] for row in shell.run_line_magic("nbqueue", "jobs").rows] == [SENTENCE]


def _waits_since_long(server: Server, job_id: str) -> None:
    """Make a job one that was submitted a minute earlier."""
    with server.client() as client:
        for name in ("submitted", "due"):
            at: Any = client.hget(f"nbq:job:{job_id}", name)
            if at is not None:
                client.hset(f"nbq:job:{job_id}", name, int(at) - 60_000)


@pytest.mark.slow
def test_cards_that_wait_say_what_holds_them_up(settings: Settings, server: Server) -> None:
    """Busy slots and who is before it, a limit, a pause by hand; all of it is one question in two seconds."""
    nbqueue.configure(settings)
    limited = nbqueue.options(queue="lonely", limit_key="licence", concurrency=1)
    with running_worker(settings, "--queues", "lonely", "--slots", "1"):
        first = limited.submit(_runs).wait()
        wait_until(lambda: first.info().wait().state == "running")
        works = [nbqueue.options(queue="lonely").submit(_runs).wait() for _ in range(2)]
        with server.client() as client:
            client.config_resetstat()
        with terminal.show(works, console=Console(file=io.StringIO(), width=200)) as board:
            told = [("1 of 1 slots busy",), ("behind 1 job, 1 of 1 slots busy",)]
            wait_until(lambda: [view.notes for view in board.views()] == told, timeout_s=10)
            with server.client() as client:
                asked: Any = client.info("commandstats")
            assert asked["cmdstat_zrank"]["calls"] <= 2 * len(works)
            nbqueue.Queue("lonely").pause().wait()
            wait_until(lambda: board.views()[0].notes == ('queue "lonely" is paused',), timeout_s=10)
            assert board.views()[0].look.word == "paused"
            later = nbqueue.options(queue="lonely").submit(_runs).wait()
            with terminal.show([later], console=Console(file=io.StringIO(), width=200)) as other:
                wait_until(lambda: other.views()[0].look.word == "paused", timeout_s=10)
                nbqueue.Queue("lonely").resume().wait()
                wait_until(lambda: board.views()[0].notes == told[0], timeout_s=10)
                wait_until(lambda: other.views()[0].look.word == "queued", timeout_s=10)
            works.append(later)
        for work in (*works, first):
            work.cancel().wait()
    shutdown()


def test_a_card_says_which_limit_holds_its_job_back(settings: Settings) -> None:
    """There are free slots, and the limit that the job brought lets no other start."""
    nbqueue.configure(settings)
    limited = nbqueue.options(queue="lonely", limit_key="licence", concurrency=1)
    with running_worker(settings, "--queues", "lonely", "--slots", "2"):
        works = [limited.submit(_runs).wait() for _ in range(2)]
        with terminal.show(works[1:], console=Console(file=io.StringIO(), width=200)) as board:
            told = ('over the limit of key "licence" (1 at once)',)
            wait_until(lambda: board.views()[0].notes == told, timeout_s=10)
        for work in reversed(works):
            work.cancel().wait()
    shutdown()


def test_resources_that_are_taken_come_before_who_is_before_it(settings: Settings) -> None:
    """When the jobs before it have gone, what it needs may still be another's; what is free is not named."""
    nbqueue.configure(settings)
    to = nbqueue.options(queue="lonely")
    needy = nbqueue.options(queue="lonely", resources={"gpu": 1})
    with running_worker(settings, "--queues", "lonely", "--slots", "2", "--resources", "gpu=1,memory_gb=8"):
        running = [needy.submit(_runs).wait(), to.submit(_runs).wait()]
        wait_until(lambda: {each.state().wait() for each in running} == {"running"}, timeout_s=20)
        other = nbqueue.options(queue="lonely", resources={"memory_gb": 8})
        waiting = [to.submit(_runs).wait(), needy.submit(_runs).wait(), other.submit(_runs).wait()]
        with terminal.show(waiting[1:], console=Console(file=io.StringIO(), width=200)) as board:
            told = [("waits for gpu=1, behind 1 job, 2 of 2 slots busy",), ("behind 2 jobs, 2 of 2 slots busy",)]
            wait_until(lambda: [view.notes for view in board.views()] == told, timeout_s=10)
        for each in (*reversed(waiting), *running):
            each.cancel().wait()
    shutdown()


def test_a_list_of_jobs_says_what_holds_each_up(settings: Settings, server: Server) -> None:
    """A limit, busy slots, a pause, others that it waits for: as on cards, and with one question for all of them."""
    nbqueue.configure(settings)
    to, limited = nbqueue.options(queue="lonely"), nbqueue.options(queue="lonely", limit_key="licence", concurrency=1)
    with running_worker(settings, "--queues", "lonely", "--slots", "2"), running_shell() as shell:
        shell.run_line_magic("load_ext", "nbqueue")
        works = [limited.submit(_runs).wait(), limited.submit(_runs).wait()]
        wait_until(lambda: works[1].info().wait().reason == "limited", timeout_s=20)
        works += [to.submit(_runs).wait()]
        wait_until(lambda: works[2].state().wait() == "running")
        works += [to.submit(_runs).wait(), nbqueue.options(queue="lonely", after=[works[0]]).submit(_runs).wait()]
        works += [nbqueue.options(queue="idle").submit(_runs).wait()]
        nbqueue.Queue("idle").pause().wait()
        with server.client() as client:
            client.config_resetstat()
        rows = {row[0]: row[-1] for row in shell.run_line_magic("nbqueue", "jobs").rows}
        with server.client() as client:
            asked: Any = client.info("commandstats")
        assert [rows[job.id] for job in works[1:2] + works[3:]] == [
            'over the limit of key "licence" (1 at once)', "2 of 2 slots busy", "waits for job _runs",
            'queue "idle" is paused',
        ]  # fmt: skip
        told = reprs.now(nbqueue.jobs)
        assert told is not None
        assert "waits for job _runs" in told["text/plain"]
        # one question for all of them, with a count for each queue
        assert asked["cmdstat_zcount"]["calls"] == 2
        for work in reversed(works):
            work.cancel().wait()
    shutdown()


def test_cards_say_for_whom_jobs_wait(submitter: Any) -> None:
    """A job and a group that come after others name one of them that has not ended, and say how many more there are."""
    parent, group = submitter.submit(sum, [1]).wait(), submitter.submit_map(abs, range(3)).wait()
    to = nbqueue.options(queue="lonely", after=[parent, group])
    works: list[Any] = [
        nbqueue.options(queue="lonely", after=[group]).submit_map(abs, range(2)).wait(),
        to.submit(sum, [2]).wait(),
    ]
    with terminal.show(works, console=Console(file=io.StringIO(), width=200)) as board:
        told = ["waits for group abs", "waits for job sum and 1 other"]
        wait_until(lambda: [view.notes[-1:] for view in board.views()] == [(each,) for each in told], timeout_s=10)
        assert [view.hint for view in board.views()] == ["", ""]


def _runs_for(_: int) -> None:
    """The same, in a group."""
    _runs()


async def _runs_too() -> None:
    """The same."""
    await asyncio.sleep(3600)


def _runs() -> None:
    """Until it is cancelled."""
    while not nbqueue.should_stop():
        time.sleep(0.02)


def test_who_is_before_a_job_is_of_its_kind(settings: Settings) -> None:
    """Sync functions and coroutines have slots of their own, so that none waits behind one of the other kind."""
    nbqueue.configure(settings)
    to = nbqueue.options(queue="lonely")
    with running_worker(settings, "--queues", "lonely", "--slots", "1", "--concurrency", "2"):
        running = [to.submit(_runs).wait(), *(to.submit(_runs_too).wait() for _ in range(2))]
        wait_until(lambda: {each.state().wait() for each in running} == {"running"}, timeout_s=20)
        waiting: list[Any] = [to.submit(fn).wait() for fn in (_runs_too, _runs_too, _runs, _runs)]
        waiting.append(to.submit_map(_runs_for, range(3)).wait())
        with terminal.show(waiting, console=Console(file=io.StringIO(), width=200)) as board:
            told = [(), ("behind 1 job",), ("1 of 1 slots busy",), ("behind 1 job, 1 of 1 slots busy",),
                    ("behind 2 jobs, 1 of 1 slots busy",)]  # fmt: skip
            wait_until(lambda: [view.notes for view in board.views()] == told, timeout_s=10)
        for each in (*reversed(waiting), *running):
            each.cancel().wait()
    shutdown()
