"""The archive: attempts as Parquet files by day and queue, written again and again, and read with the server's."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from nbqueue.analysis import archive
from nbqueue.analysis.columns import STATES
from nbqueue.analysis.frame import Rows, read_frame
from nbqueue.analysis.merging import SAME, merged, places
from nbqueue.analysis.records import Query, parse
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.history import Ask, Page
from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import BEGIN_MS, asking, assert_same, frame, record, write
from tests.disks import fill, mounted, needs_root
from tests.servers import Server

KEYS = Keys()
DAY_MS = 86_400_000


def days(count: int, **changes: Any) -> pd.DataFrame:
    """A history of two queues, with an attempt of each a day."""
    entries, texts = [], []
    for number in range(2 * count):
        entries.append(f"{BEGIN_MS + number // 2 * DAY_MS}-{number % 2}".encode())
        texts.append(json.dumps(record(number, queue=("default", "night")[number % 2], **changes)).encode())
    rows = Rows()
    rows.add(parse(Page(entries, texts), Query()))
    return rows.frame()


@pytest.fixture
async def ask(server: Server) -> AsyncIterator[Ask]:
    """Asks the test's server."""
    client: Any = open_redis(parse_url(server.url))
    yield asking(client)
    await client.aclose()


def files(folder: Path) -> list[str]:
    """Every file of a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_by_day_and_queue(tmp_path: Path) -> None:
    """Each file's path says the UTC date, the queue and the entries it goes from and to."""
    paths = archive.write(tmp_path / "a", days(2))
    assert sorted(str(path.relative_to(tmp_path / "a").parent) for path in paths) == [
        "date=2026-10-26/queue=default", "date=2026-10-26/queue=night",
        "date=2026-10-27/queue=default", "date=2026-10-27/queue=night",
    ]  # fmt: skip
    assert paths[0].name.startswith(f"part-{BEGIN_MS}-0-{BEGIN_MS}-0-")
    assert files(tmp_path / "a") == sorted(str(path.relative_to(tmp_path / "a")) for path in paths)


def test_the_same_frame_comes_back(tmp_path: Path) -> None:
    """What was archived is read with its columns, types and order."""
    df = days(3, progress={"done": 1, "metrics": {"gap": 0.5}}, tags=["x", "y"])
    archive.write(tmp_path, df)
    assert_same(archive.read(tmp_path), df)
    assert archive.read(tmp_path).attrs == {"unreadable": 0}


def test_odd_queues_are_names_of_folders(tmp_path: Path) -> None:
    """Whatever a forged record names its queue, nothing is written outside, and the name comes back."""
    queues = ["../../etc", "a/b", "ä=1 %2F", ".", "Q.x_y-z", None]
    df = frame([record(n, queue=queue) for n, queue in enumerate(queues)])
    archive.write(tmp_path / "a", df)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    back = archive.read(tmp_path / "a")
    assert list(back["queue"].astype(object).where(back["queue"].notna(), None)) == queues
    assert len(archive.read(tmp_path / "a", queue="a/b")) == 1


def test_archiving_again_changes_nothing(tmp_path: Path) -> None:
    """The same attempts give the same files; other cuts of them give further files, and each attempt is read once."""
    df = frame([record(n) for n in range(10)])
    assert archive.write(tmp_path, df) == archive.write(tmp_path, df)
    assert len(files(tmp_path)) == 1
    archive.write(tmp_path, df[:7])
    archive.write(tmp_path, df.iloc[[0, 9]])
    assert len(files(tmp_path)) == 3
    assert_same(archive.read(tmp_path), df)


def test_filters_are_those_of_the_history(tmp_path: Path) -> None:
    """Queue, states, function, tag, spans of time and limit choose the same rows as of the server."""
    df = frame([
        record(0), record(1, queue="night"), record(2, state="failed"), record(3, function="f", tags=["b"]),
        record(4, state="queued"),
    ])  # fmt: skip
    archive.write(tmp_path, df)

    def jobs(**filters: Any) -> list[int]:
        return [int(job[4:]) for job in archive.read(tmp_path, **filters)["job"]]

    assert jobs(queue="night") == [1]
    assert jobs(states="failed") == [2]
    assert jobs(states=["retried", "failed"]) == [2, 4]
    assert jobs(function="f") == jobs(tag="b") == [3]
    assert jobs(tag="b", queue="night") == []
    assert jobs(limit=2) == [3, 4]
    second = pd.Timestamp(BEGIN_MS + 2000, unit="ms", tz="UTC")
    assert (jobs(since=second), jobs(until=second)) == ([1, 2, 3, 4], [0, 1])
    entry = df["entry"][2]
    assert (jobs(since=entry), jobs(until=entry)) == ([3, 4], [0, 1, 2])
    with pytest.raises(ConfigurationError, match="states='no' is not known"):
        jobs(states="no")


def test_an_entry_beyond_all_days(tmp_path: Path) -> None:
    """After the last entry that can be there is nothing, and up to it everything."""
    df = frame([record()])
    archive.write(tmp_path, df)
    for entry in ("9999999999999999-1", "253402300800000-0"):
        assert archive.read(tmp_path, since=entry).empty
        assert len(archive.read(tmp_path, until=entry)) == 1


def test_only_the_days_that_are_asked_for_are_opened(tmp_path: Path) -> None:
    """A damaged file of another day or queue is not looked at; of one that is wanted a sentence tells."""
    archive.write(tmp_path, days(4))
    [spoilt] = (tmp_path / "date=2026-10-27" / "queue=night").iterdir()
    spoilt.write_bytes(b"PAR1 no")
    assert len(archive.read(tmp_path, since="2026-10-28T00:00:00+00:00")) == 4
    assert len(archive.read(tmp_path, limit=3)) == 3
    assert len(archive.read(tmp_path, queue="default")) == 4
    with pytest.raises(ConfigurationError, match=r"cannot be read: .*part-"):
        archive.read(tmp_path)


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    """It is said which, and why; an empty folder is an archive of nothing."""
    assert_same(archive.read(tmp_path), frame([]))
    with pytest.raises(ConfigurationError, match="/no is no archive: there is no such folder"):
        archive.read(tmp_path / "no")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigurationError, match="is no archive: it has no folders that are named date="):
        archive.read(tmp_path)
    with pytest.raises(ConfigurationError, match=r"notes.txt/date=2026-10-26/queue=default cannot be made"):
        archive.write(tmp_path / "notes.txt", frame([record()]))


def test_files_of_other_versions_are_read(tmp_path: Path) -> None:
    """A column that a file has not is missing in its rows, and one that this version does not know is left out."""
    [path] = archive.write(tmp_path, frame([record(0)]))
    table = pq.read_table(path, partitioning=None).drop_columns(["cpu_s", "tags", "host"])
    other = table.append_column("news", pa.array(["x"])).set_column(0, "job", pa.array(["job-1"]))
    other = other.set_column(1, "attempt", other["attempt"].cast(pa.int32()))
    pq.write_table(other, path.with_name("part-2-0-2-0-x.parquet"))
    back = archive.read(tmp_path)
    assert back.dtypes.astype(str).to_dict() == frame([]).dtypes.astype(str).to_dict()
    assert list(back["state"].cat.categories) == list(STATES)
    rows = back.set_index("job")
    assert (rows["cpu_s"].isna().to_dict(), rows["tags"].to_dict()) == (
        {"job-0": False, "job-1": True}, {"job-0": ("a",), "job-1": ()},
    )  # fmt: skip


def test_others_read_the_archive(tmp_path: Path) -> None:
    """Queue and date are columns for whoever knows the folders of Hive."""
    archive.write(tmp_path, days(2))
    found = ds.dataset(tmp_path, partitioning="hive").to_table(columns=["job", "queue", "date"]).to_pylist()
    assert {"job": "job-3", "queue": "night", "date": "2026-10-27"} in found
    assert len(pd.read_parquet(tmp_path)) == 4


def test_a_writer_that_was_killed_left_nothing_that_is_read(tmp_path: Path) -> None:
    """SIGKILL in the middle of a file: the archive is as before, and writing again makes it whole."""
    df = days(2)
    archive.write(tmp_path, df[:2])
    code = f"""if True:
        import os, sys
        from pathlib import Path
        from nbqueue.analysis.files.parquet import Parquet
        from nbqueue.analysis.files.writer import Writer
        from tests.analysis.histories import assert_same, frame, record
        folder = Path({str(tmp_path)!r}) / "date=2026-10-27" / "queue=default"
        folder.mkdir(parents=True)
        writer = Writer(folder / "part-1-0-2-0-x.parquet", Parquet)
        writer.add(frame([record(n) for n in range(1000)]))
        os.kill(os.getpid(), 9)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert any("/.nbqueue-" in name for name in files(tmp_path))
    assert_same(archive.read(tmp_path), df[:2])
    archive.write(tmp_path, df)
    assert_same(archive.read(tmp_path), df)


def test_two_writers_at_once_do_no_harm(tmp_path: Path) -> None:
    """Whoever archives the same or a part of it at the same time: each attempt is there, and is read once."""
    df = frame([record(n) for n in range(200)])
    with ThreadPoolExecutor(8) as pool:
        wrote = [pool.submit(archive.write, tmp_path, df[start % 50 :]) for start in range(0, 400, 10)]
        assert all(each.result() for each in wrote)
    assert_same(archive.read(tmp_path), df)


@needs_root
def test_a_full_disk_leaves_the_archive_as_it_was() -> None:
    """One sentence says so, no file is left, and after making room the same call writes it."""
    df = frame([record(n, error=os.urandom(100).hex()) for n in range(2000)])
    with mounted("size=200k") as disk:
        archive.write(disk, df[:1])
        fill(disk / "filler")
        with pytest.raises(ConfigurationError, match="No space left on device"):
            archive.write(disk, df)
        assert len(files(disk)) == 2
        (disk / "filler").unlink()
        assert_same(archive.read(disk), df[:1])


def test_rows_without_an_end_are_refused(tmp_path: Path) -> None:
    """They would have no place."""
    df = frame([record()])
    df["entry"] = pd.array([None], dtype="string")
    with pytest.raises(ConfigurationError, match="has rows without finished_at or entry"):
        archive.write(tmp_path, df)


async def test_archive_and_server_are_one_frame(server: Server, ask: Ask, tmp_path: Path) -> None:
    """In the order of the ends, what is in both once, as if the server had never forgotten anything."""
    write(server, [record(n, queue=("default", "night")[n % 2]) for n in range(20)])
    whole = await read_frame(ask, KEYS)
    archive.write(tmp_path, whole[:12])
    with server.client() as client:
        for queue in ("default", "night"):
            client.xtrim(KEYS.history(queue), minid=whole["entry"][8], approximate=False)
    assert len(await read_frame(ask, KEYS)) == 12

    async def both(**filters: Any) -> list[int]:
        return [int(job[4:]) for job in (await archive.read_both(ask, KEYS, tmp_path, **filters))["job"]]

    assert_same(await archive.read_both(ask, KEYS, tmp_path), whole)
    assert await both(limit=10) == list(range(10, 20))
    assert await both(limit=14) == list(range(6, 20))
    assert await both(queue="night", limit=7) == [7, 9, 11, 13, 15, 17, 19]
    assert await both(since=whole["entry"][5]) == list(range(6, 20))


def test_frames_are_merged_by_their_entries() -> None:
    """Entries of one millisecond are in the order of their numbers, those of one entry as they came."""
    one = frame([record(0), record(1)]).assign(entry=pd.array(["5-10", "5-2"], dtype="string"))
    other = frame([record(2), record(1)]).assign(entry=pd.array(["5-2", "5-2"], dtype="string"))
    found = merged([one, other])
    assert list(found["job"]) == ["job-1", "job-2", "job-0"]
    assert not found.duplicated(list(SAME)).any()


def test_entries_of_any_kind_have_places() -> None:
    """What is no entry is before all; however the texts are held, and in whatever row they stand."""
    entries = ["5-10", "5-2", None, "x", "5-2\n", "1" * 19 + "-1", "\u0663-1", "", "1" * 18 + "-" + "9" * 18]
    wanted = [(5, 10), (5, 2), *[(0, 0)] * 6, (int("1" * 18), int("9" * 18))]
    for kind in ("string[python]", "string[pyarrow]", "object"):
        column = pd.Series(entries, dtype=kind)
        both = pd.concat([column, column]).to_frame("entry")
        assert list(places(both).itertuples(index=False, name=None)) == wanted * 2
    assert places(frame([])).empty


def test_a_large_archive_takes_little_memory(tmp_path: Path) -> None:
    """Read and put in order it takes not much more than the frame itself, beside what Arrow holds."""
    archive.write(tmp_path, frame([record(n, job=f"{n:032x}") for n in range(20_000)]))
    archive.read(tmp_path, limit=1)
    tracemalloc.start()
    df = archive.read(tmp_path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(df), peak < 1.8 * held) == (20_000, True), (held, peak)
