"""`nbqueue.history`: the frame through the public name, awaited and waited for."""

import pandas as pd
import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.analysis.histories import record, write
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
