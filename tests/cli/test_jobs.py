"""submit, jobs, cancel, logs and worker: from a shell to a result."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from arq.connections import RedisSettings, create_pool

import nbqueue
from nbqueue.cli import one_job
from nbqueue.cli.jobs import _row
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State, WaitReason
from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.waiting import wait_until

TASKS = """
import time
import nbqueue

@nbqueue.task("add")
async def add(a, b=1):
    return a + b

@nbqueue.task("count")
def count(n):
    for i in nbqueue.track(range(n)):
        print("step", i, flush=True)
    return n

@nbqueue.task("endless")
def endless():
    while not nbqueue.should_stop():
        time.sleep(0.01)

@nbqueue.task("bad")
def bad():
    raise ValueError("no [bold]way[/bold]")
"""

ARQ = """
from arq.connections import RedisSettings

async def double(ctx, n):
    return 2 * n

class WorkerSettings:
    functions = [double]
    redis_settings = RedisSettings(unix_socket_path="{path}")
"""


def test_a_registered_function_runs_on_a_worker(server: Server) -> None:
    """A module's functions run by name with JSON arguments; results, errors, logs and listings come back."""
    Path("shop.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    with running("worker", "shop", *at) as worker:
        assert shell("submit", "add", "5", "b=7", "--wait", *at).stdout == "12\n"
        found = shell("submit", "add", '"a"', 'b="b"', "--wait", "--json", "--id", "mine", *at)
        assert json.loads(found.stdout) == {"id": "mine", "existed": False, "result": "ab"}
        failed = shell("submit", "bad", "--wait", "--id", "worse", *at)
        assert (failed.returncode, failed.stderr) == (1, "nbqueue: ValueError: no [bold]way[/bold]\n")
        said = run("jobs", "worse", *at).stdout.splitlines()
        whole = json.loads(run("jobs", "worse", "--json", *at).stdout)["traceback"].splitlines()
        assert said[said.index("") + 1 :] == ["traceback on the worker:", *whole]
        assert whole[-2:] == ['    raise ValueError("no [bold]way[/bold]")', "ValueError: no [bold]way[/bold]"]
        job_id = shell("submit", "count", "3", "--queue", "default", "--tag", "night", *at).stdout.strip()
        assert run("logs", job_id, "-f", *at).stdout == "step 0\nstep 1\nstep 2\n"
        listed = {item["id"]: item for item in json.loads(run("jobs", "--json", *at).stdout)}
        assert (listed[job_id]["state"], listed[job_id]["tags"], listed[job_id]["function"]) == (
            "succeeded", ["night"], "count",
        )  # fmt: skip
        nbqueue.configure(url=server.url)
        assert nbqueue.submit_map("add", range(30)).wait(5).wait(20) == list(range(1, 31))
        # a state is looked for behind what ended since
        assert "ValueError: no [bold]way[/bold]" in run("jobs", "--state", "failed", "--limit", "1", *at).stdout
        python = "{}.{}".format(*sys.version_info)
        places = {(row["python"], row["version"]) for row in json.loads(run("history", "--json", *at).stdout)}
        assert places == {(python, nbqueue.__version__)}
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0


def test_a_running_job_is_cancelled(server: Server) -> None:
    """It is listed before what waits; `cancel` reaches the worker, and the job ends as cancelled."""
    Path("shop.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    with running("worker", "shop", "--slots", "1", *at) as worker:
        job_id = shell("submit", "endless", *at).stdout.strip()
        wait_until(lambda: _state(job_id, server) == "running", timeout_s=15)
        shell("submit", "endless", "--id", "sooner", "--priority", "9", *at)
        assert _listed(server) == [(job_id, "running"), ("sooner", "queued")]
        cut = run("jobs", "--limit", "1", "--json", *at)
        assert [item["id"] for item in json.loads(cut.stdout)] == [job_id]
        assert cut.stderr == "nbqueue: there are more; --limit N shows so many\n"
        run("cancel", "sooner", *at)
        assert run("cancel", job_id, *at).stdout == f"{job_id}  asked\n"
        wait_until(lambda: _state(job_id, server) == "cancelled", timeout_s=10)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0


def test_a_burst_worker_ends_by_itself(server: Server) -> None:
    """With --burst the worker runs what waits, also for its time, a limit or a next try, and ends with 0."""
    Path("shop.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    soon = ["1"], ["2", "--delay", "0.5"], *[["3", "--rate", "1/s"]] * 2
    ids = [shell("submit", "add", *words, *at).stdout.strip() for words in soon]
    ids.append(shell("submit", "bad", "--retry", "2", *at).stdout.strip())
    held = shell("submit", "add", "4", "--resource", "gpu=1", *at).stdout.strip()
    found = shell("worker", "shop", "--burst", *at)
    ended = ["succeeded"] * 4 + ["failed"]
    assert (found.returncode, [_state(job_id, server) for job_id in ids]) == (0, ended)
    assert _state(held, server) == "queued"


@pytest.fixture
def _old_module(server: Server) -> None:
    """A module as arq wants it, in the current folder."""
    Path("old.py").write_text(ARQ.format(path=server.path), encoding="utf-8")


@pytest.mark.usefixtures("_old_module")
async def test_an_arq_settings_class_runs_unchanged(server: Server) -> None:
    """`worker module:Settings` serves arq's own clients, on the server that the class names."""
    pool = await create_pool(RedisSettings(unix_socket_path=str(server.path)))
    try:
        with running("worker", "old:WorkerSettings") as worker:
            job = await pool.enqueue_job("double", 21)
            assert job is not None
            assert await job.result(timeout=15, poll_delay=0.05) == 42
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(15) == 0
    finally:
        await pool.aclose()


def test_waiting_jobs_are_listed_and_cancelled(server: Server) -> None:
    """Jobs that nobody runs are queued or scheduled; cancelled at once, they are listed after those that live."""
    at = ("--url", server.url)
    for job_id in ("first", "second"):
        assert shell("submit", "add", "--id", job_id, *at).stdout == f"{job_id}\n"
    shell("submit", "add", "--id", "later", "--delay", "60", "--priority", "-5", "--label", "the last", *at)
    assert json.loads(shell("submit", "add", "--id", "first", "--json", *at).stdout) == {"id": "first", "existed": True}
    assert _listed(server) == [("first", "queued"), ("second", "queued"), ("later", "scheduled")]
    cancelled = run("cancel", "first", "nobody", "--json", *at)
    assert (cancelled.exit_code, json.loads(cancelled.stdout)) == (1, {"first": "cancelled", "nobody": "unknown"})
    again = run("cancel", "first", *at)
    assert (again.exit_code, again.stdout) == (0, "first  already cancelled\n")
    assert _listed(server) == [("second", "queued"), ("later", "scheduled"), ("first", "cancelled")]
    assert _listed(server, "--queue", "other") == []
    assert _listed(server, "--limit", "1", "--state", "cancelled") == [("first", "cancelled")]


def test_jobs_that_nobody_will_run_are_told(server: Server) -> None:
    """`jobs` says it in the row and what helps below its table, `submit --wait` while it waits."""
    sentence = 'nbqueue: no worker serves queue "lonely": start one with nbqueue worker --queues lonely\n'
    at = ("--url", server.url)
    shell("submit", "f", "--queue", "lonely", *at)
    listed = run("jobs", *at)
    assert (listed.stdout.splitlines()[1].endswith('  no worker serves queue "lonely"'), listed.stderr) == (
        True,
        sentence,
    )
    assert run("jobs", "--json", *at).stderr == ""
    command = [sys.executable, "-m", "nbqueue", "submit", "f", "--queue", "lonely", "--id", "mine", "--wait", *at]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == sentence
        run("cancel", "mine", *at)
        assert process.wait(30) == 1


def test_a_running_job_is_listed_first_whatever_waits(server: Server) -> None:
    """Of all queues, and behind more waiting jobs than are listed; a wanted state is looked for behind others."""
    Path("shop.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    nbqueue.configure(url=server.url)
    nbqueue.options(queue="alpha").submit_map("add", range(1_200)).wait(20)
    shell("submit", "add", "--id", "later", "--queue", "alpha", "--delay", "60", *at)
    with running("worker", "shop", "--queues", "zeta", *at) as worker:
        shell("submit", "endless", "--id", "runs", "--queue", "zeta", *at)
        wait_until(lambda: _state("runs", server) == "running", timeout_s=15)
        wait_until(lambda: _listed(server, "--limit", "2")[0] == ("runs", "running"))
        found = run("jobs", "--limit", "1100", "--json", *at)
        assert (len(json.loads(found.stdout)), "there are more" in found.stderr) == (1_100, True)
        assert _listed(server, "--state", "scheduled") == [("later", "scheduled")]
        worker.send_signal(signal.SIGHUP)
        assert worker.wait(15) == 0


def test_the_log_of_an_unknown_job(server: Server) -> None:
    """One sentence says that there is no such job."""
    found = run("logs", "nobody", "--url", server.url)
    assert (found.exit_code, found.stderr.startswith('nbqueue: The server knows no job "nobody"')) == (1, True)


@pytest.mark.parametrize(("words", "fault"), [(["x="], "x is no JSON: ''"), (["[1"], "Argument 1 is no JSON: '[1'")])
def test_arguments_are_json(words: list[str], fault: str, server: Server) -> None:
    """What is no JSON is named, with an example of how a shell lets quotation marks through."""
    found = run("submit", "add", *words, "--url", server.url)
    assert (found.exit_code, found.stderr) == (
        2, f"nbqueue: {fault}. Write text in quotation marks, kept from the shell: '\"text\"'.\n",
    )  # fmt: skip


def _listed(server: Server, *words: str) -> list[tuple[str, str]]:
    found = json.loads(run("jobs", "--json", "--url", server.url, *words).stdout)
    return [(item["id"], item["state"]) for item in found]


def _state(job_id: str, server: Server) -> str | None:
    return dict(_listed(server)).get(job_id)


def test_several_states_at_once(server: Server) -> None:
    """With commas between them, or by several options."""
    at = ("--url", server.url)
    run("submit", "f", "--id", "waits", *at)
    run("submit", "f", "--id", "gone", *at)
    run("cancel", "gone", *at)
    run("submit", "f", "--id", "late", "--delay", "600", *at)
    for words in (("--state", "queued,cancelled"), ("--state", "queued", "--state", "cancelled")):
        assert {each["id"] for each in json.loads(run("jobs", *words, "--json", *at).stdout)} == {"waits", "gone"}
    assert run("jobs", "--state", "queued,odd", *at).exit_code == 2


def test_what_waits_again_does_not_work() -> None:
    """A job that was put back shows neither a time nor progress of before; what it waits for comes apart."""
    began = datetime.now(UTC) - timedelta(seconds=19)
    half = Progress(done=6, total=10)
    again = JobRecord(id="a", state=State.QUEUED, reason=WaitReason.LIMITED, started_at=began, progress=half)
    assert _row(again, "no worker offers site=berlin")[1] == "queued"
    assert (_row(again)[1], _row(again)[5], _row(again)[7]) == ("queued (limited)", "", "")
    assert _row(replace(again, state=State.RUNNING, reason=None))[5:8:2] == ("60%", "19 s")


def test_the_end_of_a_long_traceback_is_shown() -> None:
    """Its last lines, harmless, below how many there are."""
    record = JobRecord(id="deep", state=State.FAILED)
    assert one_job.OneJob(record=record).raised_at == ()
    found = one_job.OneJob(record=record, traceback="".join(f"\x1b[31mstep {n}\n\n" for n in range(30))).raised_at
    assert found == ("traceback on the worker, the last 20 of 30 lines:", *(f"step {n}" for n in range(10, 30)))


def test_an_error_before_a_success_is_none() -> None:
    """The error of an attempt before stands while the job may fail, and not once it has succeeded."""
    record = JobRecord(id="a", state=State.QUEUED, error_type="JobCrashed", error="it was killed")
    assert one_job.OneJob(record=record).facts["error"] == "JobCrashed: it was killed"
    assert "error" not in one_job.OneJob(record=replace(record, state=State.SUCCEEDED)).facts


def test_only_all_of_it_is_a_hundred_per_cent() -> None:
    """Progress is rounded down, as on a card."""
    record = JobRecord(id="a", state=State.RUNNING, progress=Progress(done=999, total=1000))
    assert one_job.OneJob(record=record).facts["progress"].startswith("99%")


def test_one_job_in_full(server: Server) -> None:
    """All that is known of it, and why it waits; as an object it has the keys of a job, and `why`."""
    at = ("--url", server.url)
    run("submit", "shop.solve", "--id", "one", "--tag", "night", "--priority", "5", "--retry", "3", *at)
    lines = run("jobs", "one", *at).stdout.splitlines()
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert (told["id"], told["state"], told["function"], told["tags"]) == ("one", "queued", "shop.solve", "night")
    assert told["waits"].startswith('no worker serves queue "default"')
    found = json.loads(run("jobs", "one", "--json", *at).stdout)
    assert (found["id"], found["priority"], found["why"]) == ("one", 5, told["waits"])
    unknown = run("jobs", "nobody", *at)
    assert (unknown.exit_code, 'The server knows no job "nobody"' in unknown.stderr) == (1, True)
    assert run("jobs", "one", "--state", "queued", *at).exit_code == 2
