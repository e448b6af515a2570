"""Where the options of `nbqueue worker` may stand, and which of them counts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from nbqueue.cli import load
from nbqueue.cli.worker_options import GROUPS
from nbqueue.worker import supervisor
from nbqueue.worker.config import WorkerConfig
from tests.cli.commands import run
from tests.servers import Server


@pytest.fixture
def told(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command; what the worker was told, where it comes to that."""
    monkeypatch.setenv("NBQUEUE_URL", server.url)
    found: list[WorkerConfig] = []

    def main(config: WorkerConfig) -> int:
        found.append(config)
        return 0

    monkeypatch.setattr(supervisor, "main", main)

    def asked(*words: str) -> WorkerConfig:
        result = run("worker", *words)
        assert result.exit_code == 0, result.output
        return found[-1]

    return asked


FILE = """
processes = "1:4"
slots = 3
drain-timeout = "2min"
labels = ["gpu", "site=berlin"]
burst = true
max_jobs = 100
[resources]
gpu = 1
[queues]
default = 2
contracts = {weight = 3, concurrency = 5}
messages = {concurrency = 1}
"""


def test_a_file_says_what_the_command_line_would(told: Any) -> None:
    """Numbers, lists and tables; a queue's weight and its jobs at once may stand together."""
    Path("worker.toml").write_text(FILE, encoding="utf-8")
    config = told("--config", "worker.toml")
    assert (config.span, config.slots, config.drain_timeout_s, config.burst) == ((1, 4), 3, 120.0, True)
    assert (config.labels, config.resources, config.max_jobs) == (("gpu", "site=berlin"), {"gpu": 1.0}, 100)
    assert config.weights == {"default": 2, "contracts": 3, "messages": 1}
    assert config.queue_concurrency == {"contracts": 5, "messages": 1}


def test_a_project_file_has_a_table_of_it(told: Any) -> None:
    """What else stands in pyproject.toml does not matter."""
    Path("pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.nbqueue.worker]\nmodule = "json"\nslots = 2\n', encoding="utf-8"
    )
    config = told("--config", "pyproject.toml")
    assert (config.slots, config.modules) == (2, ("json",))


@pytest.mark.parametrize(
    ("words", "variables", "slots"),
    [
        ((), {}, 3),
        ((), {"NBQUEUE_SLOTS": "4"}, 4),
        (("--slots", "5"), {"NBQUEUE_SLOTS": "4"}, 5),
        (("--slots", "5"), {}, 5),
    ],
)
def test_the_command_line_comes_first_then_the_environment(
    told: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], variables: Mapping[str, str], slots: int
) -> None:
    """Then the file, then the default."""
    Path("worker.toml").write_text("slots = 3", encoding="utf-8")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert told("--config", "worker.toml", *words).slots == slots


def test_each_option_may_stand_in_the_environment(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its name in capitals, in the .env file of the folder too, where the file of options may be named."""
    Path("worker.toml").write_text('memory = "2GB"', encoding="utf-8")
    Path(".env").write_text("NBQUEUE_CONFIG=worker.toml\nNBQUEUE_DRAIN_TIMEOUT=5s\n", encoding="utf-8")
    given = {"PROCESSES": "2:3", "LABELS": "ssd", "STRICT": "1", "MAX_JOBS": "7", "WEBHOOK_TRIES": "3", "BURST": "no"}
    for name, text in given.items():
        monkeypatch.setenv(f"NBQUEUE_{name}", text)
    config = told()
    assert (config.span, config.labels, config.strict, config.burst) == ((2, 3), ("ssd",), True, False)
    assert (config.max_jobs, config.webhook_tries) == (7, 3)
    assert (config.memory_bytes, config.drain_timeout_s) == (2 * 10**9, 5.0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("slot = 1", "worker.toml has the option 'slot', which is not known: did you mean slots=?"),
        ("engines = 2", "worker.toml has the option 'engines', which is not known: it is called processes= here."),
        ("check = true", "worker.toml has the option 'check', which is not known"),
        ("slots = ", "The file worker.toml is no TOML"),
        ("[tool.other]\nx = 1", "The file worker.toml has no table [tool.nbqueue.worker]"),
        ("[queues.a]\nwieght = 1", "worker.toml says 'wieght' of queue 'a': a queue has weight and concurrency."),
    ],
)
def test_what_a_file_cannot_say_is_refused(text: str, fault: str) -> None:
    """One sentence, with the name that was meant, and exit code 2; no server is needed for it."""
    Path("worker.toml").write_text(text, encoding="utf-8")
    found = run("worker", "--config", "worker.toml")
    assert (found.exit_code, fault in found.stderr) == (2, True), found.stderr


@pytest.mark.parametrize(
    ("words", "span"),
    [
        (("--queues", "a", "--queue-concurrency", "a=1", "--processes", "2"), (1, 1)),
        (("--queues", "a,b", "--queue-concurrency", "a=1,b=3", "--processes", "2:8"), (2, 2)),
        (("--queues", "a,b", "--queue-concurrency", "a=1,b=3", "--processes", "4"), (3, 3)),
        (("--queues", "a,b", "--queue-concurrency", "a=1", "--processes", "1:2"), (1, 2)),
    ],
)
def test_no_engine_is_started_that_has_no_queue(told: Any, words: tuple[str, ...], span: tuple[int, int]) -> None:
    """Where all queues have limits these are dealt out among few engines; each of them serves something."""
    config = told(*words)
    assert config.span == span
    assert all(config.of_engine(number).queues for number in range(span[1]))


def test_memory_that_a_worker_itself_needs_is_no_limit() -> None:
    """An engine would be renewed after each job: the least is told."""
    found = run("worker", "--memory", "32MB")
    assert (found.exit_code, "'32MB' is no size from 128MB on" in found.stderr) == (2, True), found.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    """And why it cannot be read."""
    found = run("worker", "--config", "nowhere.toml")
    assert (found.exit_code, found.stderr) == (
        2, "nbqueue: The file nowhere.toml cannot be read (No such file or directory): give --config a file that can.\n"
    )  # fmt: skip


def test_a_wrong_value_says_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file, in the environment, or on the command line, where one sees it."""
    Path("worker.toml").write_text('processes = "none"', encoding="utf-8")
    assert "as in 1:8. It stands in worker.toml." in " ".join(run("worker", "--config", "worker.toml").stderr.split())
    monkeypatch.setenv("NBQUEUE_MEMORY", "1kB")
    assert "It stands in NBQUEUE_MEMORY." in " ".join(run("worker").stderr.split())
    assert "stands in" not in run("worker", "--memory", "1kB").stderr


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ('labels = "a b"', "--labels"),
        ("[queues]\ndefault = 0", "--queues"),
        ("[resources]\ngpu = -1", "--resources"),
        ("[queues]\na = {concurrency = 0}", "--queue-concurrency"),
    ],
)
def test_a_value_that_is_read_late_says_where_it_stands(text: str, option: str) -> None:
    """As every other does, and only where it stands there."""
    Path("bad.toml").write_text(text, encoding="utf-8")
    found = run("worker", "--config", "bad.toml")
    assert (found.exit_code, found.stderr.count(f"nbqueue: {option} ")) == (2, 1)
    assert found.stderr.endswith(". It stands in bad.toml.\n")
    assert "stands in" not in run("worker", "--labels", "a b").stderr


def test_json_is_for_a_check() -> None:
    """A worker has no answer that could be JSON: it is not started."""
    found = run("worker", "--json")
    assert (found.exit_code, found.stderr) == (
        2, "nbqueue: --json is for --check, which changes nothing: give both, or leave it out.\n"
    )  # fmt: skip


def test_an_arq_class_is_not_told_what_it_cannot_do() -> None:
    """Each option that would count for nothing is named, wherever it stands."""
    Path("worker.toml").write_text('labels = ["gpu"]', encoding="utf-8")
    found = run("worker", "old.Settings", "--config", "worker.toml", "--max-jobs", "3")
    assert found.stderr.startswith("nbqueue: --labels and --max-jobs cannot be used with 'old:Settings'")
    found = run("worker", "old.Settings", "--processes", "1:2")
    assert found.stderr.startswith("nbqueue: --processes takes one number with 'old:Settings'")


def test_the_help_has_every_option_in_a_group() -> None:
    """And no group names an option that is not there."""
    listed = [name for names in GROUPS.values() for name in names]
    options = [each for each in load("worker").params if isinstance(each, click.Option)]
    written = [max(each.opts, key=len).lstrip("-").replace("-", "_") for each in options]
    assert sorted([*written, "help"]) == sorted(listed)
    found = run("worker", "--help")
    assert (found.exit_code, "Other options" in found.stdout) == (0, False)
    assert [heading for heading in GROUPS if f"\n{heading}:\n" not in found.stdout] == []
