"""The Tab key after %nbqueue and %%job, as a real kernel answers it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, running_kernel
from tests.waiting import SLACK

BEGIN = """
%load_ext nbqueue
alpha = 1
job = await nbqueue.options(label="fast", queue="night").submit(sum, [1])
await nbqueue.options(label="two words", queue="night").submit(sum, [1])
await nbqueue.schedule("1h", sum, [1])
"""


@pytest.fixture(params=[False, True], ids=["plain", "jedi"])
def kernel(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Kernel]:
    """A kernel with two jobs that wait and a schedule, with both ways of IPython to complete."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run(BEGIN)
        kernel.run(f"%config IPCompleter.use_jedi = {request.param}")
        yield kernel


def offered(kernel: Kernel, code: str) -> set[str]:
    """What a page would offer at the end of the code."""
    content = kernel.client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert content["cursor_end"] == len(code)
    return set(content["matches"])


def test_words_are_offered(kernel: Kernel) -> None:
    """Verbs, ids and labels of jobs, schedules, queues, options and names are offered where they fit."""
    job_id = kernel.printed("print(job.id, end='')")
    assert offered(kernel, "%nbqueue ") >= {"status", "jobs", "history", "nest"}
    assert offered(kernel, "x = 1\n%nbqueue ca") == {"cancel"}
    for verb in ("cancel", "delete", "logs", "requeue", "retry", "take"):
        assert offered(kernel, f"%nbqueue {verb} ") >= {job_id, "fast"}
    assert offered(kernel, f"%nbqueue cancel {job_id[:5]}") == {job_id}
    assert offered(kernel, "%nbqueue jobs --sl") == {"--slower-than"}
    assert offered(kernel, "%nbqueue retry --state ca") == {"cancelled"}
    assert offered(kernel, "%nbqueue retry --state failed --queue nig") == {"night"}
    assert offered(kernel, "%nbqueue requeue --tag x --t") >= {"--to"}
    assert not {job_id, "fast"} & offered(kernel, "%nbqueue delete --tag x ")
    assert offered(kernel, "%nbqueue schedules ") >= {"pause", "resume", "trigger", "delete"}
    assert offered(kernel, "%nbqueue schedules pause s") >= {"sum"}
    assert offered(kernel, "%%job --ti") == {"--timeout"}
    assert offered(kernel, "%%job --wait --qu") == {"--queue"}
    assert "--wait" not in offered(kernel, "%%job --name ")
    assert offered(kernel, "%%job --queue nig") == {"night"}
    assert offered(kernel, "%%job --priority hig") == {"high"}
    assert offered(kernel, "%%job -i alp") == {"alpha"}
    assert "alpha" in offered(kernel, "%%job -w\nalp")


def test_nothing_is_offered_without_the_extension(kernel: Kernel) -> None:
    """After %unload_ext the words are gone; loaded again, they are there once."""
    kernel.run("%unload_ext nbqueue")
    assert "status" not in offered(kernel, "%nbqueue stat")
    assert "--timeout" not in offered(kernel, "%%job --ti")
    kernel.run("%load_ext nbqueue\n%reload_ext nbqueue")
    content = kernel.client.complete("%nbqueue stat", reply=True, timeout=30)["content"]
    assert content["matches"] == ["status"]


def test_a_server_that_is_away_holds_nobody_up(kernel: Kernel) -> None:
    """Where the server does not answer, the key is answered soon, with nothing of another server, and silently."""
    kernel.run("nbqueue.configure(url='redis://10.255.255.1:6379/0');")
    # the first time others take long, jedi by itself two seconds
    offered(kernel, "%nbqueue cancel fa")
    for _ in range(3):
        began = time.monotonic()
        assert "fast" not in offered(kernel, "%nbqueue cancel fa")
        assert time.monotonic() - began < 0.5 * SLACK
    assert [item for item in kernel.run("pass") if item["msg_type"] == "stream"] == []


def test_completing_starts_no_server(settings: Settings) -> None:
    """Where the local stack does not run, asking for ids starts nothing."""
    with running_kernel(NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("%load_ext nbqueue")
        offered(kernel, "%nbqueue cancel x")
        assert [path for path in settings.home.iterdir() if path.is_socket()] == []
