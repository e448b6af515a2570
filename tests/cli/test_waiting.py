"""wait and result: what became of jobs, for scripts."""

import json
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.waiting import wait_until

TASKS = """
import nbqueue

@nbqueue.task("add")
async def add(a, b=1):
    return a + b

@nbqueue.task("text")
async def text(value):
    return value

@nbqueue.task("odd")
async def odd():
    return {1, 2}

@nbqueue.task("raw")
async def raw():
    return bytes([0, 1, 255])

@nbqueue.task("invert")
async def invert(number):
    return 1 / number
"""
At = tuple[str, ...]


@pytest.fixture
def at(server: Server) -> At:
    """The options that name the server."""
    return ("--url", server.url)


@pytest.fixture
def _worker(at: At, server: Server) -> Iterator[None]:
    """A worker that has the functions, and serves."""
    Path("waited.py").write_text(TASKS, encoding="utf-8")
    with running("worker", "waited", *at), server.client() as client:
        wait_until(lambda: client.keys("nbq:engine:*"), timeout_s=20)
        yield


def test_a_result_is_waited_for_no_longer_than_told(at: At) -> None:
    """Of a job and of a group; whether before or after it is said that nobody serves the queue."""
    job = run("submit", "add", "1", *at).stdout.strip()
    group = run("map", "add", "1", "2", *at).stdout.strip()
    for name, timeout in ((job, "0.2"), (group, "0.2"), (job, "2.2")):
        found = run("result", name, "--wait", "--timeout", timeout, *at)
        said = f"nbqueue: {name} has no result yet: it has not ended within {timeout} s."
        assert (found.exit_code, found.stdout, found.stderr.splitlines()[-1]) == (4, "", said)
    found = run("result", job, "--timeout", "5", *at)
    assert (found.exit_code, found.stderr) == (2, "nbqueue: --timeout says how long --wait waits: give both.\n")


def test_the_id_of_a_group_lists_its_jobs(at: At) -> None:
    """Those alone, in their order, and as many as --limit says; any other id is of one job."""
    run("submit", "add", "1", *at)
    group = run("map", "add", "1", "2", "3", *at).stdout.strip()
    found = json.loads(run("jobs", group, "--json", *at).stdout)
    assert [(job["group"], job["function"], job["state"]) for job in found] == [(group, "add", "queued")] * 3
    cut = run("jobs", group, "--limit", "2", "--json", *at)
    assert [job["id"] for job in json.loads(cut.stdout)] == [job["id"] for job in found[:2]]
    assert "there are more" in cut.stderr
    assert 'The server knows no job "nothing"' in run("jobs", "nothing", *at).stderr


@pytest.mark.usefixtures("_worker")
def test_a_mistyped_name_is_answered_with_those_that_are_near(at: At) -> None:
    """At the submit, where workers announce their functions, and in the job's error."""
    for name, near in (("ad", "add"), ("waited.add", "add"), ("invrt", "invert")):
        found = run("submit", name, "1", *at)
        hint = f'nbqueue: the workers there know no function "{name}": did you mean {near}?\n'
        assert (found.exit_code, found.stderr) == (0, hint)
        said = f"No function '{name}' is registered on this worker: submit '{near}', which it has, or start it with "
        assert said in run("result", found.stdout.strip(), "--wait", *at).stderr
    assert run("submit", "add", "1", *at).stderr == ""
    assert run("submit", "nothing_like_it", *at).stderr == ""


@pytest.mark.usefixtures("_worker")
def test_the_exit_code_tells_the_end(at: At) -> None:
    """0 where all succeeded, 1 where one did not or is not known; a line each says how."""
    good, bad = (run("submit", "add", word, *at).stdout.strip() for word in ("1", '"a"'))
    found = run("wait", good, *at)
    assert (found.exit_code, found.stdout) == (0, f"{good}  succeeded\n")
    both = run("wait", good, bad, "nobody", "--json", *at)
    assert (both.exit_code, json.loads(both.stdout)) == (1, {good: "succeeded", bad: "failed", "nobody": "unknown"})


@pytest.mark.usefixtures("_worker")
def test_what_has_not_ended_in_time(at: At) -> None:
    """Exit code 4, the others are told; that nobody serves its queue is said."""
    good = run("submit", "add", "1", *at).stdout.strip()
    late = run("submit", "add", "1", "--queue", "lonely", *at).stdout.strip()
    assert run("wait", good, *at).exit_code == 0
    found = run("wait", late, good, "--timeout", "2s", *at)
    assert (found.exit_code, found.stdout) == (4, f"{good}  succeeded\n")
    assert found.stderr.endswith(f"{late}  queued\n")
    assert json.loads(run("wait", late, "--timeout", "0.1", "--json", *at).stdout) == {late: "queued"}
    refused = run("result", late, *at)
    sentence = f"nbqueue: {late} has no result yet: it is queued and has not ended. Give --wait to wait for the end.\n"
    assert (refused.exit_code, refused.stdout, refused.stderr) == (4, "", sentence)


@pytest.mark.usefixtures("_worker")
def test_a_look_without_waiting(at: At) -> None:
    """However short the time, what had ended before is told by its own exit code, and so is who is not known."""
    good, bad = (run("submit", "add", word, *at).stdout.strip() for word in ("1", '"a"'))
    run("submit", "add", "1", "--queue", "lonely", "--id", "late", *at)
    assert run("wait", good, bad, *at).exit_code == 1
    for timeout in ("0", "0.001", "0.02"):
        looks = [run("wait", *ids, "--timeout", timeout, *at) for ids in ([good], [bad], ["nobody"], [good, "late"])]
        assert [(each.exit_code, each.stdout) for each in looks] == [
            (0, f"{good}  succeeded\n"), (1, f"{bad}  failed\n"), (1, "nobody  unknown\n"),
            (4, f"{good}  succeeded\n"),
        ]  # fmt: skip
    found = run("wait", good, "nobody", "--timeout", "0", "--json", *at)
    assert (found.exit_code, json.loads(found.stdout)) == (1, {good: "succeeded", "nobody": "unknown"})


@pytest.mark.parametrize(("timeout", "said"), [("nan", "'nan' is no duration"), ("-5", "give at least 0 s")])
def test_a_time_that_is_none(at: At, timeout: str, said: str) -> None:
    """It is refused in a sentence."""
    refused = run("wait", "nobody", f"--timeout={timeout}", *at)
    assert (refused.exit_code, said in refused.stderr) == (2, True)


def test_waiting_goes_on_until_the_end(at: At, server: Server) -> None:
    """A job that ends later ends the waiting; Ctrl-C ends it before."""
    run("submit", "add", "1", "--queue", "lonely", "--id", "slow", *at)
    with running("wait", "slow", *at) as first, running("wait", "slow", *at) as second:
        wait_until(lambda: _waiters(server) >= 2, timeout_s=20)
        second.send_signal(signal.SIGINT)
        assert second.wait(20) == 130
        run("cancel", "slow", *at)
        output, _ = first.communicate(timeout=30)
        assert (first.returncode, output.splitlines()[-1]) == (1, "slow  cancelled")


def _waiters(server: Server) -> int:
    """How many processes read the stream of changes."""
    with server.client() as client:
        return sum(each["cmd"] == "xread" and each["name"].startswith("nbqueue") for each in client.client_list())


@pytest.mark.usefixtures("_worker")
def test_a_result_is_json(at: At) -> None:
    """A line that a script can read; of what has no JSON as Python writes it; --json tells the id too."""
    number, odd = (run("submit", *words, *at).stdout.strip() for words in (["add", "5", "b=7"], ["odd"]))
    assert run("result", number, "--wait", *at).stdout == "12\n"
    assert run("result", odd, "--wait", *at).stdout == "{1, 2}\n"
    assert json.loads(run("result", number, "--json", *at).stdout) == {"id": number, "result": 12}


@pytest.mark.usefixtures("_worker")
def test_a_job_without_a_result(at: At) -> None:
    """What failed says its error, and an unknown id that it is unknown: both with exit code 1."""
    failed = run("submit", "invert", "0", *at).stdout.strip()
    found = run("result", failed, "--wait", *at)
    assert (found.exit_code, found.stdout, found.stderr) == (1, "", "nbqueue: ZeroDivisionError: division by zero\n")
    nobody = run("result", "nobody", *at)
    assert (nobody.exit_code, nobody.stderr.startswith('nbqueue: The server knows no job "nobody"')) == (1, True)


@pytest.mark.usefixtures("_worker")
def test_a_result_goes_into_a_file(at: At, tmp_path: Path) -> None:
    """Bytes and text as they are, anything else as JSON, and into a .pkl file whatever it is."""
    ids = {name: run("submit", *words, *at).stdout.strip() for name, words in (
        ("raw", ["raw"]), ("text", ["text", '"two\\nlines"']), ("list", ["text", "[1, 2]"]), ("odd", ["odd"]),
    )}  # fmt: skip
    for name, job_id in ids.items():
        out = tmp_path / (f"{name}.pkl" if name == "odd" else name)
        assert run("result", job_id, "--wait", "--out", str(out), *at).output == ""
    assert (tmp_path / "raw").read_bytes() == bytes([0, 1, 255])
    assert (tmp_path / "text").read_text(encoding="utf-8") == "two\nlines"
    assert json.loads((tmp_path / "list").read_text(encoding="utf-8")) == [1, 2]
    assert pickle.loads((tmp_path / "odd.pkl").read_bytes()) == {1, 2}
    refused = run("result", ids["odd"], "--out", str(tmp_path / "odd.json"), *at)
    assert (refused.exit_code, "A result of type set cannot be written to" in refused.stderr) == (2, True)
    missing = run("result", ids["raw"], "--out", str(tmp_path / "no" / "raw"), *at)
    assert (missing.exit_code, "cannot be written" in missing.stderr) == (2, True)


@pytest.mark.usefixtures("_worker")
def test_the_results_of_a_group(at: At) -> None:
    """A line each, an error among them; exit code 1 where there is one."""
    group = run("map", "invert", "1", "0", "4", *at).stdout.strip()
    assert run("wait", group, *at).exit_code == 1
    found = run("result", group, *at)
    assert (found.exit_code, found.stdout.splitlines()[::2]) == (1, ["1.0", "0.25"])
    assert json.loads(found.stdout.splitlines()[1]).keys() == {"error"}
    assert found.stderr == "nbqueue: 1 of 3 items failed, the first is item 2\n"
    assert json.loads(run("result", group, "--json", *at).stdout)["results"][::2] == [1.0, 0.25]


def test_a_group_whose_jobs_are_those_of_another(at: At) -> None:
    """Made with --cache, its id stands for the jobs that it shares, in every command."""
    words = ("map", "add", "1", "2", "--queue", "lonely", "--cache", "60", *at)
    groups = [run(*words).stdout.strip() for _ in range(2)]
    shown = [shell("graph", group, *at).stdout.splitlines() for group in groups]
    assert (shown[0][0], shown[0]) == ("2 jobs: 2 queued.", shown[1])
    found = json.loads(run("cancel", groups[1], "--json", *at).stdout)
    assert list(found.values()) == ["cancelled"] * 2
    ended = run("wait", *groups, *at)
    assert (ended.exit_code, sorted(ended.stdout.splitlines())) == (1, sorted(f"{each}  cancelled" for each in found))
