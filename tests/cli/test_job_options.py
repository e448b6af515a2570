"""The options of a job on the command line."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from nbqueue import RetryPolicy
from nbqueue.cli.durations import Seconds
from nbqueue.cli.job_options import read
from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.waiting import wait_until


def test_zero_is_given() -> None:
    """A number of 0 counts as given; what was not given is left out."""
    given = {"delay": 0.0, "keep_result": 0.0, "timeout": None, "tags": (), "force": False, "concurrency": 2}
    assert read(given) == {"delay": 0.0, "keep_result": 0.0, "concurrency": 2}


def test_retries_are_one_policy() -> None:
    """Without --retry the policy has its own number of tries; without any of them there is no policy."""
    given = {"retry_base": 0.0, "retry_factor": 3.0, "retry_cap": 60.0, "retry_jitter": 0.0, "backoff": "fixed"}
    names = {"retry_on": ("TimeoutError", "OSError"), "retry_never_on": ("FileNotFoundError",)}
    assert read({"retry": 5, **given, **names, "label": "x"}) == {
        "label": "x",
        "retry": RetryPolicy(
            max_tries=5, backoff="fixed", base=0.0, factor=3.0, cap=60.0, jitter=0.0,
            on=("TimeoutError", "OSError"), never_on=("FileNotFoundError",),
        ),
    }  # fmt: skip
    assert read({"retry": 5}) == {"retry": RetryPolicy(max_tries=5)}
    assert read({"retry": None, "retry_on": ("OSError",)}) == {"retry": RetryPolicy(on=("OSError",))}
    assert read({"retry": None, "retry_on": (), "retry_base": None}) == {}


@pytest.mark.parametrize("command", [("submit", "f"), ("schedules", "add", "mine", "1h", "f")])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--retry 0", "--retry: max_tries=0: give a whole number from 1 to 1000."),
        ("--retry-base -1", "--retry-base: base=-1.0 cannot be used: give seconds from 0 to ten years."),
        ("--retry-factor 0.5", "--retry-factor: factor=0.5 cannot be used: give a number from 1 to 1000."),
        ("--retry-cap nan", "--retry-cap: cap=nan cannot be used: give seconds from 0 to ten years."),
        ("--retry-jitter 2", "--retry-jitter: jitter=2.0 cannot be used: give a number from 0 to 1."),
        ("--retry-on os.error", "--retry-on: on holds 'os.error', which names no error: give its class, or the "),
    ],
)
def test_a_policy_that_cannot_be_meant(command: tuple[str, ...], words: str, sentence: str, server: Server) -> None:
    """The option is named, and nothing is sent."""
    refused = run(*command, *words.split(), "--url", server.url)
    assert (refused.exit_code, refused.stderr[: len(sentence) + 9]) == (2, f"nbqueue: {sentence}")
    assert run("jobs", "--url", server.url).stdout == "No jobs.\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("5m", 300.0), ("5min", 300.0), ("2h", 7200.0), ("1.5 d", 129_600.0)],
)
def test_a_duration_has_a_unit_or_is_seconds(text: str, seconds: float) -> None:
    """Options that take a length of time read it as people write it."""
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("submit", "f", "--keep-error", "5x"),
            "'5x' is no duration: give seconds, or text such as 90s, 5min, 2h or 1d.",
        ),
        (("submit", "f", "--timeout", "soon"), "Invalid value for '--timeout': 'soon' is no duration"),
        (("reschedule", "j", "--delay", ""), "is no duration"),
        (("worker", "--drain-timeout", "-1s"), "'-1s' is no duration"),
        (("worker", "--drain-timeout", "-1"), "'-1' is too short: give at least 0 s."),
        (("alerts", "add", "default", "--oldest", "?", "--webhook", "https://a.example/"), "'?' is no duration"),
    ],
)
def test_what_is_no_duration_is_told(words: tuple[str, ...], said: str, server: Server) -> None:
    """By the option that got it, and with the forms there are."""
    refused = run(*words, "--url", server.url)
    assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr


def test_durations_reach_the_job(server: Server) -> None:
    """A job that is submitted from a shell waits as long as it was said in words."""
    at = ("--url", server.url, "--json")
    shell("submit", "f", "--id", "later", "--delay", "2h", "--expires", "1d", "--timeout", "5m", *at)
    [row] = json.loads(shell("jobs", *at).stdout)
    waits = datetime.fromisoformat(row["due_at"]) - datetime.fromisoformat(row["submitted_at"])
    assert waits.total_seconds() == 7200
    assert "changed" in shell("reschedule", "later", "--delay", "30min", "--url", server.url).stdout


TASKS = """
import pathlib, nbqueue

@nbqueue.task("flaky")
async def flaky(path, kind):
    with pathlib.Path(path).open("a") as file:
        file.write("x")
    raise {"io": OSError, "value": ValueError}[kind]("busy")
"""


def test_a_policy_of_the_shell_holds_on_a_worker(server: Server) -> None:
    """A job and a schedule's job are tried again where the policy says so, and not where it does not."""
    Path("flaky.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    policy = ("--retry-base", "0", "--backoff", "fixed", "--retry-on", "OSError", "--retry-jitter", "0")
    run("submit", "flaky", '"twice"', '"io"', "--id", "twice", "--retry", "2", *policy, *at)
    run("submit", "flaky", '"once"', '"value"', "--id", "once", *policy, *at)
    run("submit", "flaky", '"never"', '"io"', "--id", "never", "--retry-never-on", "OSError", *at)
    run("schedules", "add", "mine", "1h", "flaky", '"thrice"', '"io"', *policy, *at)
    run("schedules", "trigger", "mine", *at)
    with running("worker", "flaky", *at):
        wait_until(lambda: len(json.loads(run("jobs", "--state", "failed", "--json", *at).stdout)) == 4, 20)
    tries = {name: len(Path(name).read_text()) for name in ("twice", "once", "never", "thrice")}
    assert tries == {"twice": 2, "once": 1, "never": 1, "thrice": 3}
