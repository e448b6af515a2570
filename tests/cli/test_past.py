"""history: attempts as a table, as JSON, as a file and as a picture."""

import csv
import json
import signal
from pathlib import Path

import pytest

import nbqueue
from nbqueue.analysis import archive
from nbqueue.broker.keys import Keys
from nbqueue.cli import drawing
from tests.analysis.histories import frame, record, write
from tests.cli.commands import run, running
from tests.servers import Server
from tests.waiting import wait_until


@pytest.fixture
def at(server: Server) -> tuple[str, ...]:
    """A server with a history of four attempts."""
    failed = record(3, state="failed", error_type="ValueError", error="no", function="f")
    short = {"job": "short", "attempt": 0, "state": "cancelled"}
    write(server, [record(1), record(2, queue="night"), failed, short])
    return ("--url", server.url)


def test_a_table_has_a_line_an_attempt(at: tuple[str, ...]) -> None:
    """Times, states and errors stand in lines that are not cut."""
    lines = run("history", *at).stdout.splitlines()
    assert lines[0].split()[:4] == ["FINISHED", "(UTC)", "JOB", "ATTEMPT"]
    assert lines[1].startswith("2026-10-26 07:33:21  job-1  1        succeeded  shop.solve  solve 1  0.1 s   0.9 s")
    assert [line.split()[2] for line in lines[1:]] == ["job-1", "job-2", "job-3", "short"]
    assert lines[3].endswith("  ValueError: no")


def test_filters_and_limit(at: tuple[str, ...]) -> None:
    """The options choose attempts as `nbqueue.history` does."""

    def jobs(*words: str) -> list[str]:
        return [item["job"] for item in json.loads(run("history", "--json", *at, *words).stdout)]

    assert jobs() == ["job-1", "job-2", "job-3", "short"]
    assert jobs("--limit", "2") == ["job-3", "short"]
    assert jobs("--queue", "night") == ["job-2"]
    assert jobs("--state", "failed", "--state", "cancelled") == ["job-3", "short"]
    assert jobs("--function", "f") == ["job-3"]
    assert jobs("--since", "2026-10-26T07:33:22+00:00", "--until", "2026-10-26T08:33:23+01:00") == ["job-2", "job-3"]


def test_files(at: tuple[str, ...]) -> None:
    """--csv writes all columns and --chart a picture; stdout stays empty for pipes."""
    found = run("history", "--csv", "h.csv", "--chart", "h.png", "--of", "timeline", *at)
    assert (found.exit_code, found.stdout) == (0, "")
    with Path("h.csv").open(encoding="utf-8") as file:
        assert [row["job"] for row in csv.DictReader(file)] == ["job-1", "job-2", "job-3", "short"]
    assert Path("h.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx", "html"])
def test_exports(at: tuple[str, ...], ending: str) -> None:
    """--export writes what is wanted in the format that the ending names; a sentence says how much."""
    found = run("history", "--export", f"h.{ending}", "--function", "shop.solve", *at)
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr == f"2 attempts written to {Path(f'h.{ending}').absolute()}\n"
    assert [path.name for path in Path().iterdir() if path.name.startswith((".nbqueue", "h."))] == [f"h.{ending}"]


def test_an_interrupted_export_leaves_nothing(server: Server) -> None:
    """Ctrl-C in the middle: the old file stays, nothing lies beside it, and the command says what happened."""
    write(server, [record(number) for number in range(30_000)])
    folder = Path("out")
    folder.mkdir()
    (folder / "h.xlsx").write_text("old")
    with running("history", "--export", str(folder / "h.xlsx"), "--url", server.url) as process:
        wait_until(lambda: any(item.name.startswith(".nbqueue-") for item in folder.iterdir()), 30)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "nbqueue: interrupted\n")
    assert [item.name for item in folder.iterdir()] == ["h.xlsx"]
    assert (folder / "h.xlsx").read_text() == "old"


def test_raw_exports(server: Server) -> None:
    """--raw leaves texts in CSV as they are."""
    write(server, [record(0, label="=1+1")])
    for words, text in (((), ",'=1+1,"), (("--raw",), ",=1+1,")):
        for option in ("--export", "--csv"):
            assert run("history", option, "h.csv", *words, "--url", server.url).exit_code == 0
            assert text in Path("h.csv").read_text(encoding="utf-8")


def test_an_export_of_an_unknown_kind(at: tuple[str, ...]) -> None:
    """An ending other than those of the help gives one sentence, and no file."""
    found = run("history", "--export", "h.xls", *at)
    sentence = "nbqueue: 'h.xls' cannot be written: give a file that ends in .csv, .jsonl, .parquet, .xlsx or .html.\n"
    assert (found.exit_code, found.stderr, Path("h.xls").exists()) == (2, sentence, False)


def test_an_archive_is_shown_with_the_history(at: tuple[str, ...]) -> None:
    """--archive adds the attempts of a folder, each once; a folder that is none gives one sentence."""
    archive.write("old", frame([record(7), record(2, queue="night")]))
    found = run("history", "--archive", "old", "--json", *at)
    assert sorted(item["job"] for item in json.loads(found.stdout)) == ["job-1", "job-2", "job-3", "job-7", "short"]
    refused = run("history", "--archive", "no", *at)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("name", drawing.CHARTS)
def test_every_chart_is_a_file(at: tuple[str, ...], server: Server, name: str) -> None:
    """--of knows each chart; convergence is of what the jobs of the history reported."""
    write(server, [record(4, progress={"metrics": {"objective": 2.0}})], namespace="runs")
    trace = {"fence": 1, "series": {"objective": [[0, 3.0], [1, 2.0]]}}
    with server.client() as client:
        client.set(Keys("runs").trace("job-4"), json.dumps(trace), ex=60)
    found = run("history", "--chart", "h.svg", "--of", name, *at, "--namespace", "runs")
    assert (found.exit_code, found.stderr) == (0, f"Chart of {name} written to h.svg\n")
    assert ("solve 4" in Path("h.svg").read_text(encoding="utf-8")) or name != "convergence"


@pytest.mark.parametrize("name", drawing.CHARTS)
def test_a_chart_of_an_empty_history_says_so(server: Server, name: str) -> None:
    """The file holds one sentence."""
    found = run("history", "--chart", "h.svg", "--of", name, "--url", server.url)
    assert (found.exit_code, found.stderr) == (0, f"Chart of {name} written to h.svg\n")
    assert "no jobs in this period" in Path("h.svg").read_text(encoding="utf-8")


def test_every_chart_of_the_package_is_known() -> None:
    """The command names what `nbqueue.charts` has, but for what is live."""
    assert set(drawing.CHARTS) == set(nbqueue.charts.__all__) - {"live"}


@pytest.mark.parametrize("name", ["h.xyz", "h.gif", "h"])
def test_a_picture_of_an_unknown_kind(at: tuple[str, ...], name: str) -> None:
    """An ending other than those of the help gives one sentence, and no file."""
    found = run("history", "--chart", name, *at)
    sentence = f"nbqueue: {name} cannot be written: a chart goes into a .png, .svg or .pdf file.\n"
    assert (found.exit_code, found.stderr, Path(name).exists()) == (2, sentence, False)


def test_an_empty_history(server: Server) -> None:
    """Without attempts a sentence says so, and JSON is an empty list."""
    assert run("history", "--url", server.url).stdout == "No attempts in this period.\n"
    assert json.loads(run("history", "--json", "--url", server.url).stdout) == []
