"""`nbqueue.history`: the frame through the public name, awaited and waited for."""

from pathlib import Path

import pandas as pd
import pytest

import nbqueue
from nbqueue.analysis import archive, export
from nbqueue.model.settings import Settings
from tests.analysis.histories import frame, record, write
from tests.servers import Server


@pytest.fixture(autouse=True)
def _session(settings: Settings) -> None:
    """The test's own server."""
    nbqueue.configure(settings)


async def test_history_is_awaited(server: Server) -> None:
    """The verb acts when it is called and gives a frame of the attempts."""
    write(server, [record(number) for number in range(3)])
    df = await nbqueue.history(limit=2)
    assert isinstance(df, pd.DataFrame)
    assert list(df["job"]) == ["job-1", "job-2"]


def test_history_is_waited_for(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In sync code `.wait()` gives the same; charts and export take it."""
    write(server, [record(number, tags=["night"]) for number in range(2)])
    df = nbqueue.history(tag="night").wait(10)
    assert nbqueue.charts.throughput(df).get_title() == "Attempts that ended"
    path = nbqueue.export_csv(df, tmp_path_factory.mktemp("out") / "history.csv")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_what_is_no_path_is_told() -> None:
    """At once, with the way to write a frame; an archive as well."""
    df = frame([record(1)])
    for given in (None, "", 5, df):
        with pytest.raises(
            nbqueue.ConfigurationError, match=r"is no path: give one\. \(A frame is written by export_csv"
        ):
            nbqueue.export(given)  # type: ignore[arg-type]
    with pytest.raises(nbqueue.ConfigurationError, match="path=None is no path"):
        nbqueue.export_csv(df, None)  # type: ignore[arg-type]
    with pytest.raises(nbqueue.ConfigurationError, match="archive=5 is no path"):
        nbqueue.history(archive=5).wait(10)  # type: ignore[arg-type]
    with pytest.raises(nbqueue.ConfigurationError, match=r"ax=.* is no matplotlib Axes"):
        nbqueue.charts.throughput(df, [1])


def test_a_wrong_argument_is_told_when_it_is_waited_for() -> None:
    """The sentence reaches whoever waits."""
    with pytest.raises(nbqueue.ConfigurationError, match="since='soon' is no moment"):
        nbqueue.history(since="soon").wait(10)


def test_many_pages_are_read_without_holding_up_others(server: Server) -> None:
    """A history of 10,000 attempts comes whole while other questions of the process are answered."""
    write(server, [record(number) for number in range(10_000)])
    reading = nbqueue.history()
    names = nbqueue.Queue("default").stats().wait(5).name
    assert (names, len(reading.wait(30))) == ("default", 10_000)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx", "html"])
async def test_a_history_is_exported_page_by_page(server: Server, tmp_path: Path, ending: str) -> None:
    """The file has every attempt that is wanted, of many pages, and is the one that the frame would give."""
    write(server, [record(number, function=f"f{number % 2}") for number in range(2500)])
    path = await nbqueue.export(tmp_path / f"history.{ending}", function="f1", limit=700)
    assert path == tmp_path / f"history.{ending}"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]  # noqa: ASYNC240 - nothing else runs
    df = await nbqueue.history(function="f1", limit=700)
    if ending == "parquet":
        assert list(pd.read_parquet(path)["job"]) == list(df["job"])
    elif ending in ("csv", "jsonl"):
        assert path.read_bytes() == getattr(nbqueue, f"export_{ending}")(df, tmp_path / "other").read_bytes()
    else:
        assert path.stat().st_size > 10_000


async def test_an_export_is_cut_into_bundles(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are turned into bytes at once, none is lost and none comes twice."""
    monkeypatch.setattr(export, "ROWS", 600)
    write(server, [record(number) for number in range(2000)])
    path = await nbqueue.export(tmp_path / "x.csv")
    assert list(pd.read_csv(path)["job"]) == [f"job-{number}" for number in range(2000)]


async def test_an_empty_history_is_exported(tmp_path: Path) -> None:
    """The file has the names of the columns."""
    path = await nbqueue.export(tmp_path / "x.csv")
    assert list(pd.read_csv(path).columns) == list((await nbqueue.history()).columns)


def test_an_unknown_ending_is_refused_at_once(tmp_path: Path) -> None:
    """The sentence names those that are known, and nothing is read."""
    for name in ("x.txt", "x"):
        with pytest.raises(nbqueue.ConfigurationError, match=r"ends in .csv, .jsonl, .parquet, .xlsx or .html"):
            nbqueue.export(tmp_path / name)


async def test_an_archive_is_read_with_the_history(server: Server, tmp_path: Path) -> None:
    """What the server has forgotten comes from the folder."""
    write(server, [record(number) for number in range(6)])
    whole = await nbqueue.history()
    archive.write(tmp_path, whole)
    with server.client() as client:
        client.flushdb()
    write(server, [record(0)])
    assert list((await nbqueue.history(archive=tmp_path))["job"]) == list(whole["job"])
    assert list((await nbqueue.history(archive=tmp_path, limit=2))["job"]) == ["job-4", "job-5"]
