"""%nbqueue asks what is asked most, in a shell, of a real server and a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbqueue
from nbqueue.errors import BrokerUnavailable, ConfigurationError, JobError, JobLost
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from nbqueue.notebook import magics
from tests.notebook.shells import running_shell
from tests.workers import running_worker


@pytest.fixture
def shell(settings: Settings) -> Iterator[Any]:
    """A shell that uses the test's server."""
    nbqueue.configure(settings)
    with running_shell() as shell:
        shell.run_line_magic("load_ext", "nbqueue")
        yield shell


def magic(shell: Any, line: str) -> Any:
    """What `%nbqueue <line>` gives."""
    return shell.run_line_magic("nbqueue", line)


def test_the_jobs_of_this_notebook_are_listed(shell: Any) -> None:
    """%nbqueue jobs lists the last jobs, newest first, with no text of a job left harmful."""
    first = nbqueue.submit(sum, [1, 2]).wait()
    second = nbqueue.options(label="<b>bold</b>").submit(sum, [3]).wait()
    found = magic(shell, "jobs")
    assert [row[:3] for row in found.rows] == [
        (second.id, "○ queued", "<b>bold</b>"), (first.id, "○ queued", "sum"),
    ]  # fmt: skip
    assert "&lt;b&gt;bold&lt;/b&gt;" in found._repr_html_()
    assert repr(found).splitlines()[1].split() == ["id", "state", "job", "progress,", "time", "submitted"]


def test_queues_and_workers_are_listed(shell: Any, settings: Settings) -> None:
    """%nbqueue queues and %nbqueue workers tell what waits and who works."""
    nbqueue.options(delay=60).submit(sum, [1]).wait()
    assert magic(shell, "queues").rows == [("default", "open", "0", "1", "0")]
    assert repr(magic(shell, "workers")) == "Workers\nNone is running."
    with running_worker(settings, "--slots", "1") as worker:
        (row,) = magic(shell, "workers").rows
        assert (row[1], row[2], row[4]) == (str(worker.engine()), "default", "1")


def test_schedules_are_listed_and_steered(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue schedules is a table of all; with a verb and names it steers them."""
    assert repr(magic(shell, "schedules")) == "Schedules\nThere are none."
    nbqueue.schedule(nbqueue.Cron("@daily", timezone="Europe/Berlin"), sum, [1]).wait()
    magic(shell, "schedules pause sum")
    (row,) = magic(shell, "schedules").rows
    assert row[:5] == ("sum", "paused", "@daily (Europe/Berlin)", "sum", "")
    magic(shell, "schedules trigger sum")
    assert capsys.readouterr().out.startswith("sum: done\nsum: job sum+")
    with pytest.raises(UsageError, match=r"Use it as: %nbqueue schedules \[pause"):
        magic(shell, "schedules stop sum")


def test_jobs_are_cancelled_by_their_ids(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue cancel takes any number of ids and says what became of each."""
    jobs = [nbqueue.submit(sum, [number]).wait() for number in range(2)]
    magic(shell, f"cancel {jobs[0].id} {jobs[1].id}")
    assert capsys.readouterr().out == "".join(f"{job.id}: cancelled\n" for job in jobs)


def test_jobs_are_named_by_their_labels_too(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A label of one of the last jobs stands for its id; where several have it, the ids are asked for."""
    one, *two = [nbqueue.options(label=name).submit(sum, [1]).wait() for name in ("one", "two", "two")]
    magic(shell, "cancel one")
    assert capsys.readouterr().out == f"{one.id}: cancelled\n"
    with pytest.raises(UsageError) as raised:
        magic(shell, "logs two")
    # of two that were submitted in one millisecond, either may be the newer
    assert str(raised.value) in {
        f"2 jobs are called two: name one by its id ({first.id}, {second.id})." for first, second in (two, two[::-1])
    }


def test_jobs_are_retried(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue retry runs jobs that have ended as new ones, and says which."""
    job = nbqueue.submit(sum, [1]).wait()
    magic(shell, f"cancel {job.id}")
    magic(shell, f"retry {job.id}")
    new = capsys.readouterr().out.splitlines()[1].removeprefix(f"{job.id}: job ")
    assert nbqueue.attach(new).wait().info().wait().retry_of == job.id
    with pytest.raises(JobError, match="has not ended"):
        magic(shell, f"retry {new}")


def test_jobs_are_found_by_what_is_known_of_them(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue jobs lists what its options are true of; words in quotes stay together."""
    one = nbqueue.options(tags=["the night"]).submit(sum, [1]).wait()
    two = nbqueue.options(queue="other").submit(max, [1]).wait()
    two.cancel().wait()
    assert [row[0] for row in magic(shell, "jobs --tag 'the night'").rows] == [one.id]
    found = magic(shell, "jobs --state cancelled --state queued --since 1h --limit 1")
    assert (len(found.rows), found.title) == (1, "Jobs of this search")
    assert found.note.startswith("There are more: --limit N lists so many")
    assert [row[0] for row in magic(shell, "jobs --queue other --function max").rows] == [two.id]
    assert magic(shell, "jobs --slower-than 5min").rows == []
    with pytest.raises(ConfigurationError, match="--error-regex '\\(' is no regular expression"):
        magic(shell, "jobs --error-regex (")
    assert capsys.readouterr().out == ""


def test_what_is_found_is_acted_on(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """cancel, retry, requeue and delete say first how many of which they touch; --dry-run says that alone."""

    def said(line: str) -> list[str]:
        magic(shell, line)
        return capsys.readouterr().out.splitlines()

    jobs = [nbqueue.submit(sum, [number]).wait() for number in range(3)]
    dry = ["cancelling 3 jobs of this search: 3 queued"]
    assert said("cancel --function sum --dry-run") == dry
    assert said("cancel --function sum") == [*dry, "3 cancelled"]
    assert said("retry --state cancelled") == ["retrying 3 jobs of this search: 3 cancelled", "3 jobs wait to run."]
    left = "retrying none of 3 jobs of this search: 3 were retried already"
    assert said("retry --state cancelled") == [left, "0 jobs wait to run."]
    assert said("retry --state cancelled --dry-run") == [left]
    assert said("retry --state cancelled --again --dry-run") == ["retrying 3 jobs of this search: 3 cancelled"]
    with pytest.raises(ConfigurationError, match="'a b'"):
        magic(shell, "requeue --state cancelled --to 'a b' --dry-run")
    assert said("requeue --state queued --to night") == [
        'requeueing 3 jobs of this search into queue "night": 3 queued', "3 jobs wait to run.",
    ]  # fmt: skip
    assert [row[0] for row in magic(shell, "queues").rows] == ["default", "night"]
    assert said(f"requeue {jobs[0].id} --to night") == [
        'requeueing 1 job of those named into queue "night": 1 cancelled', "1 job waits to run.",
    ]  # fmt: skip
    assert said(f"delete {jobs[0].id} --dry-run") == ["deleting 1 job of those named: 1 cancelled"]
    assert said(f"delete {jobs[0].id}") == [f"{jobs[0].id}: deleted"]
    assert said("delete --queue default") == ["deleting 2 jobs of this search: 2 cancelled", "2 deleted"]
    assert said("retry --error ValueError") == [
        "retrying 0 jobs of this search", "0 jobs wait to run.",
    ]  # fmt: skip


def test_the_last_attempts_are_a_frame(shell: Any) -> None:
    """%nbqueue history gives the newest attempts, as many as asked for."""
    jobs = [nbqueue.submit(sum, [number]).wait() for number in range(3)]
    for job in jobs:
        job.cancel().wait()
    assert list(magic(shell, "history")["job"]) == [job.id for job in jobs]
    found = magic(shell, "history 2")
    assert [(row.job, row.state, row.function) for row in found.itertuples()] == [
        (job.id, "cancelled", "sum") for job in jobs[1:]
    ]


def test_the_log_is_printed_without_control_characters(
    shell: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """%nbqueue logs prints what the job printed, and nothing that steers a terminal."""
    with running_worker(settings, "--slots", "1"):
        job = nbqueue.submit(print, "one\x1b[2J\x1b]0;title\x07\ntwo\u202e").wait()
        job.wait(30)
        magic(shell, f"logs {job.id}")
    assert capsys.readouterr().out == "one\ntwo\n"


def test_an_unknown_job_is_one_line(shell: Any) -> None:
    """An error of nbqueue is shown as its sentence alone, without a traceback."""
    with pytest.raises(JobLost) as raised:
        magic(shell, "logs nosuchjob")
    error: Any = raised.value
    assert error._render_traceback_() == [f"JobLost: {raised.value}"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "fix",
            (
                "%nbqueue fix is not known: use one of status, jobs, queues, workers, schedules, history, cancel, "
                "retry, requeue, delete, logs, take, nest, up, down, dashboard, help."
            ),
        ),
        ("help fix", (
            "%nbqueue fix is not known: use one of status, jobs, queues, workers, schedules, history, cancel, retry, "
            "requeue, delete, logs, take, nest, up, down, dashboard, help."
        )),
        ("schedules stop x", "Use it as: %nbqueue schedules [pause|resume|trigger|delete NAME ...]"),
        ("cancel", "Use it as: %nbqueue cancel ID ... | OPTIONS"),
        ("logs a b", "Use it as: %nbqueue logs ID"),
        ("jobs 3", "Use it as: %nbqueue jobs [OPTIONS]"),
        ("retry x --state failed", "Use it as: %nbqueue retry ID ... | OPTIONS"),
        ("delete --dry-run", "Use it as: %nbqueue delete ID ... | OPTIONS"),
        ('jobs --error "x', "A quotation mark is not closed."),
        ("jobs --dry-run", "%nbqueue jobs: unrecognized arguments: --dry-run. %nbqueue jobs -h lists what it takes."),
        ("history ten", "%nbqueue history takes a number of attempts, and 'ten' is none."),
        ("up", "%nbqueue up is for the local stack, and NBQUEUE_URL names a server: it is run elsewhere."),
    ],
)  # fmt: skip
def test_a_slip_is_answered_with_what_is_right(shell: Any, line: str, sentence: str) -> None:
    """Wrong words are refused with the right ones."""
    with pytest.raises(UsageError) as raised:
        magic(shell, line)
    assert str(raised.value) == sentence


def test_help_names_every_verb(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue alone, and %nbqueue help, list all verbs, each in a line, and examples that could be run."""
    magic(shell, "help")
    told = capsys.readouterr().out
    for line in ("", "-h", "--help"):
        magic(shell, line)
        assert capsys.readouterr().out == told
    verbs, examples, _ = told.removeprefix("Verbs:\n").split("\n\n")
    assert [line.split()[0] for line in verbs.splitlines()] == list(magics.VERBS)
    for line in examples.splitlines()[1:]:
        _, name, *words = line.split()
        assert magics.VERBS[name].least <= len(words) <= magics.VERBS[name].most
    assert max(map(len, told.splitlines())) < 100


@pytest.mark.parametrize("line", ["help cancel", "cancel -h", "cancel --help"])
def test_a_verb_is_explained(shell: Any, capsys: pytest.CaptureFixture[str], line: str) -> None:
    """What a verb takes, what it does, and an example; nothing is asked of the server."""
    magic(shell, line)
    told = capsys.readouterr().out
    assert told.startswith("%nbqueue cancel ID ... | OPTIONS\n    stop jobs\n\nOptions:\n    --state STATE ")
    assert "\n    --dry-run               say only what would be done\n" in told
    assert max(map(len, told.splitlines())) <= 120
    assert told.endswith(
        "\n\n"
        "ID is the id of a job, or its label where it is one of the last 20 jobs of this notebook.\n\n"
        "For example: %nbqueue cancel 4f0c2a91 training\n"
    )


def test_status_of_a_named_server(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With a server named, status says that it answers, who works and what waits."""
    nbqueue.submit(sum, [1]).wait()
    magic(shell, "status")
    assert capsys.readouterr().out == "The server of NBQUEUE_URL answers: 0 workers, 1 jobs waiting.\n"


def test_a_server_that_is_away_is_one_line(shell: Any, home: Path) -> None:
    """Where the server cannot be reached, the magic says so."""
    nbqueue.configure(Settings(url=f"unix://{home}/none", home=home, connect_timeout_s=0.2))
    with pytest.raises(BrokerUnavailable):
        magic(shell, "status")


def test_asking_starts_nothing(shell: Any, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a server, each verb but `up` says how to start one instead of starting it."""
    nbqueue.configure(Settings(home=home))
    before = sorted(home.rglob("*"))
    lines = (
        "jobs", "queues", "workers", "schedules", "schedules pause x", "history",
        "cancel x", "retry x", "logs x", "take x", "delete --state failed", "jobs --state failed",
    )  # fmt: skip
    told = "The local stack is not running: the first submit starts it, or %nbqueue up.\n"
    for line in lines:
        assert (line, magic(shell, line), capsys.readouterr().out) == (line, None, told)
    assert (sorted(home.rglob("*")), stack.status(Settings(home=home)).keeper.running) == (before, False)


def test_the_local_stack_goes_up_and_down(shell: Any, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """%nbqueue up starts server and worker, status shows them, down ends them."""
    nbqueue.configure(Settings(home=home))
    try:
        assert [row[:2] for row in magic(shell, "up").rows] == [
            ("server", "running"), ("worker", "running"), ("keeper", "running"),
        ]  # fmt: skip
        assert magic(shell, "status").rows[0][2].isdigit()
    finally:
        magic(shell, "down")
    assert capsys.readouterr().out == f"Stopped: server and worker. {stack.KEPT}\n"
    assert [row[1] for row in magic(shell, "status").rows] == ["not running"] * 3
