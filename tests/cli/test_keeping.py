"""How long the history is kept, said in a shell; and a server that is nearly full says so wherever one looks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.cli.commands import run
from tests.servers import Server, running_server

PIECE = b"x" * 100_000


def test_a_retention_is_shown_set_and_taken_away(server: Server) -> None:
    """For one queue; without a name that of all."""
    at = ("--url", server.url)
    assert run("retention", *at).stdout == "No job was submitted so far.\n"
    assert run("retention", "night", "--age", "90d", "--attempts", "1000", *at).exit_code == 0
    nbqueue.configure(Settings(url=server.url))
    nbqueue.options(delay=60).submit(len, "abc").wait(10).cancel().wait(10)
    assert json.loads(run("retention", "--json", *at).stdout) == {
        "default": {"age_s": 30 * 86_400, "attempts": 100_000}, "night": {"age_s": 90 * 86_400, "attempts": 1000},
    }  # fmt: skip
    assert run("retention", "night", *at).stdout.split() == ["QUEUE", "AGE", "ATTEMPTS", "night", "90", "days", "1,000"]
    assert run("retention", "night", "--remove", *at).stdout.split()[-3:] == ["30", "days", "100,000"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--age", "2h"), "Say which queue is meant: nbqueue retention QUEUE --age 90d."),
        (("night", "--age", "5min"), "age=300.0 is out of range: give 3600 s up to ten years."),
        (("night", "--age", "soon"), "soon"),
        (("night", "--attempts", "-1"), "attempts=-1 cannot be used"),
        (("night", "--remove", "--age", "2h"), "retention takes remove=True, or age= and attempts=: not both."),
        (("a b",), "cannot be used"),
    ],
)
def test_a_wrong_retention_is_one_sentence(server: Server, words: tuple[str, ...], sentence: str) -> None:
    """And changes nothing."""
    found = run("retention", *words, "--url", server.url)
    assert (found.exit_code, sentence in found.stderr) == (2, True), found.stderr
    assert json.loads(run("retention", "--json", "--url", server.url).stdout) == {}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Settings]:
    """A server that is nearly full."""
    with running_server(maxmemory="40mb", maxmemory_policy="noeviction") as server, server.client() as client:
        info: Any = client.info("memory")
        for number in range(int((0.85 * info["maxmemory"] - info["used_memory"]) // len(PIECE))):
            client.set(f"filler-{number}", PIECE)
        yield Settings(url=server.url, home=tmp_path / "home")


def test_a_server_that_gets_full_says_so(full: Settings) -> None:
    """In the shell's status and doctor, and in the numbers of a queue."""
    at = ("--url", str(full.url))
    assert "The server holds" in run("status", *at).stderr
    assert 0.8 < json.loads(run("status", "--json", *at).stdout)["overview"]["memory"]["used_bytes"] / 41_943_040 < 0.9
    assert "The server holds" in run("doctor", *at, "--home", str(full.home)).stdout.replace("\n", " ")
    nbqueue.configure(full)
    memory = nbqueue.Queue().stats().wait(5).memory
    assert memory is not None
    assert memory.warning.endswith("keep less history or results, clear what is not needed, or give it more.")
