"""The history as a frame: columns, types, filters and spans of time."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from nbqueue.analysis import records
from nbqueue.analysis.columns import COLUMNS, DTYPES, STATES
from nbqueue.analysis.frame import read_frame
from nbqueue.analysis.records import Query, parse
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.history import PAGE_ATTEMPTS, Ask, Page
from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import BEGIN_MS, asking, frame, record, write
from tests.servers import Server

KEYS = Keys()


@pytest.fixture
async def ask(server: Server) -> AsyncIterator[Ask]:
    """Asks the test's server."""
    client: Any = open_redis(parse_url(server.url))
    yield asking(client)
    await client.aclose()


async def test_a_record_becomes_a_row(server: Server, ask: Ask) -> None:
    """Each field of a record is a cell, times are UTC, and waits and durations are worked out in seconds."""
    [entry] = write(server, [record(7)])
    row = (await read_frame(ask, KEYS)).iloc[0].to_dict()
    assert {name: value for name, value in row.items() if not _missing(value)} == {
        "job": "job-7", "attempt": 1, "state": "succeeded", "queue": "default", "function": "shop.solve",
        "label": "solve 7", "priority": 0, "tags": ("a",), "submitted_at": pd.Timestamp(BEGIN_MS, unit="ms", tz="UTC"),
        "due_at": pd.Timestamp(BEGIN_MS, unit="ms", tz="UTC"),
        "started_at": pd.Timestamp(BEGIN_MS + 100, unit="ms", tz="UTC"),
        "finished_at": pd.Timestamp(BEGIN_MS + 1000, unit="ms", tz="UTC"), "wait_s": 0.1, "duration_s": 0.9,
        "cpu_s": 0.25, "peak_bytes": 50_000_000, "payload_bytes": 1200, "result_bytes": 33, "tries": 1,
        "worker": "host-1", "host": "host", "progress": {"done": 3, "total": 3}, "python": "3.11", "version": "0.1.0",
        "entry": entry,
    }  # fmt: skip


@pytest.mark.parametrize(
    "records", [[], [record()], [{"job": "x", "state": "cancelled"}]], ids=["none", "full", "short"]
)
def test_columns_have_the_documented_types(records: list[dict[str, Any]]) -> None:
    """Names, order and types of the columns are the documented ones, also for an empty history and short records."""
    df = frame(records)
    assert {str(name): str(dtype) for name, dtype in df.dtypes.items()} == {
        column.name: DTYPES[column.kind] for column in COLUMNS
    }
    assert list(df["state"].cat.categories) == list(STATES)


async def test_short_records_of_scripts_are_rows(server: Server, ask: Ask) -> None:
    """A job cancelled before it started is attempt 0, without a start, a wait or a duration."""
    write(server, [{"job": "a", "attempt": 0, "state": "cancelled", "queue": "q", "submitted": 1.793e12}])
    row = (await read_frame(ask, KEYS)).iloc[0]
    assert (row["attempt"], row["state"], row["tags"]) == (0, "cancelled", ())
    assert pd.isna(row["started_at"])
    assert pd.isna(row["wait_s"])
    assert pd.isna(row["duration_s"])


async def test_an_attempt_that_is_followed_by_another_is_retried(server: Server, ask: Ask) -> None:
    """The states an attempt leaves its job in, scheduled or queued, are shown as retried; lost stays lost."""
    write(server, [record(state="scheduled"), record(state="queued"), record(state="lost")])
    assert list((await read_frame(ask, KEYS))["state"]) == ["retried", "retried", "lost"]
    assert len(await read_frame(ask, KEYS, states=["retried"])) == 2


async def test_filters_choose_rows(server: Server, ask: Ask) -> None:
    """Queue, states, function and tag each choose, and all that are given must hold."""
    write(server, [record(0), record(1, queue="night"), record(2, state="failed"), record(3, function="f", tags=["b"])])

    async def jobs(**filters: Any) -> list[str]:
        return list((await read_frame(ask, KEYS, **filters))["job"])

    assert await jobs(queue="night") == ["job-1"]
    assert await jobs(states="failed") == ["job-2"]
    assert await jobs(states=["failed", "succeeded"], queue="default", tag="a") == ["job-0", "job-2"]
    assert await jobs(function="f") == ["job-3"]
    assert await jobs(tag="b") == ["job-3"]
    assert await jobs(tag="b", queue="night") == []


async def test_limit_takes_the_newest(server: Server, ask: Ask) -> None:
    """The newest so many of those wanted come, the oldest of them first, also from several pages."""
    states = ("succeeded", "failed")
    write(server, [record(number, state=states[number % 2]) for number in range(3 * PAGE_ATTEMPTS)])
    assert list((await read_frame(ask, KEYS, limit=2))["job"]) == ["job-1498", "job-1499"]
    many = await read_frame(ask, KEYS, states="failed", limit=PAGE_ATTEMPTS)
    assert list(many["job"]) == [f"job-{number}" for number in range(PAGE_ATTEMPTS + 1, 3 * PAGE_ATTEMPTS, 2)]


@pytest.fixture
def entries(server: Server) -> int:
    """Entries of one to eight attempts each, in two queues with the same ids; how many attempts."""
    count = 0
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(2000):
            queue = ("default", "night")[number % 2]
            texts = [json.dumps(record(count + each, queue=queue)).encode() for each in range(number * 7 % 8 + 1)]
            count += len(texts)
            pipe.sadd(KEYS.queues, queue)
            pipe.xadd(KEYS.history(queue), {"records": b"\n".join(texts)}, id=f"{BEGIN_MS + number // 2}-7")
        pipe.execute()
    return count


@pytest.mark.parametrize("queue", ["", "default"])
async def test_a_high_limit_gives_the_end_of_the_whole(
    ask: Ask, entries: int, monkeypatch: pytest.MonkeyPatch, queue: str
) -> None:
    """What is counted and read again, where it has many attempts, is that which comes without a limit."""
    monkeypatch.setattr(records, "HELD", 1000)
    whole = await read_frame(ask, KEYS, queue=queue)
    for limit in (999, 1000, 2500, *range(4000, 4018), len(whole) - 1, len(whole), entries + 1):
        found = await read_frame(ask, KEYS, queue=queue, limit=limit)
        wanted = whole.tail(limit)
        assert (len(found), found["job"].nunique()) == (len(wanted), len(wanted)), limit
        assert list(found["entry"]) == list(wanted["entry"]), limit


async def test_a_high_limit_holds_few_records(ask: Ask, entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read part by part, the newest of a long history take about as much memory as all of it."""
    monkeypatch.setattr(records, "HELD", 500)

    async def peak(limit: int | None) -> int:
        tracemalloc.start()
        async for _ in records.read(ask, KEYS, Query(limit=limit)):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert await peak(entries) < 3 * await peak(None)


async def test_pages_join_without_gap_or_double(server: Server, ask: Ask) -> None:
    """A history of several pages is read whole, in the order it was written."""
    write(server, [record(number) for number in range(2 * PAGE_ATTEMPTS + 1)])
    assert list((await read_frame(ask, KEYS))["job"]) == [f"job-{number}" for number in range(2 * PAGE_ATTEMPTS + 1)]


async def test_since_and_until_take_moments(server: Server, ask: Ask) -> None:
    """Both ends are included; an aware datetime, its ISO text and a timestamp of a frame all do."""
    write(server, [record(number) for number in range(4)])
    second = datetime.fromtimestamp(BEGIN_MS / 1000 + 2, tz=UTC)
    for moment in (second, second.isoformat(), second.astimezone().isoformat(), pd.Timestamp(second)):
        assert list((await read_frame(ask, KEYS, since=moment))["job"]) == ["job-1", "job-2", "job-3"]
        assert list((await read_frame(ask, KEYS, until=moment))["job"]) == ["job-0", "job-1"]


async def test_since_an_entry_goes_on_after_it(server: Server, ask: Ask) -> None:
    """The last entry of a frame as since= gives what came after it, each attempt once."""
    write(server, [record(number) for number in range(3)])
    first = await read_frame(ask, KEYS, until=datetime.fromtimestamp(BEGIN_MS / 1000 + 2, tz=UTC))
    assert list((await read_frame(ask, KEYS, since=first["entry"].iloc[-1]))["job"]) == ["job-2"]


async def test_texts_and_timedeltas_count_back_from_the_servers_now(server: Server, ask: Ask) -> None:
    """Both "1h" and timedelta(hours=1) leave out what ended earlier."""
    now_ms = datetime.now(UTC).timestamp() * 1000
    with server.client() as client:
        for hours in (50, 2, 0.5):
            moment = f"{round(now_ms - hours * 3_600_000)}-0"
            client.xadd(KEYS.history("default"), {"records": f'{{"job": "{hours}"}}'}, id=moment)
        client.sadd(KEYS.queues, "default")
    spans: list[tuple[str | timedelta, int]] = [
        ("1h", 1),
        (timedelta(hours=3), 2),
        ("2d", 2),
        ("1w", 3),
        ("90min", 1),
        ("60 s", 0),
    ]
    for since, jobs in spans:
        assert len(await read_frame(ask, KEYS, since=since)) == jobs, since


@pytest.mark.parametrize("moment", ["yesterday", "7 parsecs", "", datetime(2026, 1, 1), "2026-01-01", 5, pd.NaT])  # noqa: DTZ001
async def test_what_is_no_moment_is_refused(moment: Any, ask: Ask) -> None:
    """A naive datetime, a date or a word gives one sentence that names it and what is allowed."""
    with pytest.raises(ConfigurationError, match=r"since=.* is no moment: give text such as"):
        await read_frame(ask, KEYS, since=moment)


async def test_wrong_filters_are_refused(ask: Ask) -> None:
    """An unknown state and a limit below one are named."""
    with pytest.raises(ConfigurationError, match="states='done' is not known"):
        await read_frame(ask, KEYS, states=["done"])
    with pytest.raises(ConfigurationError, match="limit=0 cannot be used"):
        await read_frame(ask, KEYS, limit=0)


async def test_a_broken_record_costs_only_itself(server: Server, ask: Ask) -> None:
    """Records that are no JSON, no object or not UTF-8 neither stop the reading nor hide their neighbours."""
    broken = [b"{", b"[1]", b'{"job": "x"},{"job": "y"}', b'{"job": "\xff", "state": "failed"}']
    write(server, [record(0), *broken, record(1)])
    df = await read_frame(ask, KEYS)
    assert list(df["job"]) == ["job-0", "\ufffd", "job-1"]
    assert df.attrs["unreadable"] == 3


def test_a_field_of_the_wrong_type_is_missing() -> None:
    """Values that do not fit their column become missing, and numbers out of range too."""
    wrong = record(
        attempt="x", submitted="soon", started=10**30, cpu_s=[1], peak_bytes=2**60, tags="a", label=5, queue={}
    )
    row = frame([wrong, record(1)]).iloc[0]
    assert [
        name for name in ("attempt", "submitted_at", "started_at", "cpu_s", "peak_bytes") if not pd.isna(row[name])
    ] == []
    assert (row["tags"], row["label"], row["queue"], row["job"]) == ((), "5", "{}", "job-0")


def test_lone_surrogates_are_replaced() -> None:
    """A job id that came in as bytes of another encoding can be written to any file."""
    df = frame([record(job="a\udcff", worker="w\udcff")])
    assert (df["job"][0], df["worker"][0]) == ("a?", "w?")


def test_a_namespace_has_its_own_history(server: Server) -> None:
    """Records of one namespace are not read from another."""
    write(server, [record()], namespace="other")
    with server.client() as client:
        assert [client.xlen(Keys("other").history("default")), client.xlen(KEYS.history("default"))] == [1, 0]


def test_filters_work_on_one_page_alone() -> None:
    """Parsing a page needs no server: entry ids stay with their records."""
    page = Page([b"1-0", b"2-0"], [b'{"job":"a","queue":"x"}', b'{"job":"b","queue":"y"}'])
    part = parse(page, Query(queue="y"))
    assert (part.entries, part.records, part.unreadable) == ([b"2-0"], [{"job": "b", "queue": "y"}], 0)


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, tuple | dict) and bool(pd.isna(value)))
