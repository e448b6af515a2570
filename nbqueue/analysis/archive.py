"""The archive: attempts in Parquet files, by the day of their end and their queue, in a folder of one's own.

`date=2026-01-31/queue=default/part-<first entry>-<last entry>-<digest>.parquet`: what was written once is never
changed. An attempt stands in several files where it was written again before the server forgot it; it is read once.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd

from nbqueue.analysis import selecting
from nbqueue.analysis.columns import COLUMNS
from nbqueue.analysis.files import arrow_table, extras
from nbqueue.analysis.files.parquet import Parquet
from nbqueue.analysis.files.paths import checked
from nbqueue.analysis.files.writer import Writer, sync_folder
from nbqueue.analysis.frame import query, read_frame
from nbqueue.analysis.merging import SAME, in_order, merged
from nbqueue.analysis.records import Query
from nbqueue.analysis.series import TEXT_TABLE
from nbqueue.broker import history as stream
from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError
from nbqueue.model.moments import Moment

#: what Hive calls a partition without a value
_NONE = "__HIVE_DEFAULT_PARTITION__"
#: characters of a queue's name in a path; longer ones are forged, and no disk takes them
_NAME_CHARS = 64


class Archive:
    """Attempts in a folder."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Args: the folder; it is made when something is put into it."""
        self.folder = checked(folder, "archive")

    def make(self) -> None:
        """Make the folder where it is missing.

        Raises:
            ConfigurationError: it cannot be made, or not written to.
        """
        self._make(self.folder)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{self.folder} cannot be written to. Give a folder of yours.")

    def add(self, df: pd.DataFrame) -> list[Path]:
        """Put the attempts of a frame into files that are on the disk afterwards; gives their paths.

        The same attempts give the same files, so it may be done again after a crash, and by two at once.

        Raises:
            ConfigurationError: pyarrow is not installed, a file cannot be written, or a row has no end or entry.
        """
        arrow_table.library()
        if df["finished_at"].isna().any() or df["entry"].isna().any():
            raise ConfigurationError("The frame cannot be archived: it has rows without finished_at or entry.")
        days = df["finished_at"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%d")
        found = []
        for (day, name), rows in df.groupby([days, df["queue"].astype(object).fillna("")], sort=True):
            found.append(self._write(self.folder / f"date={day}" / f"queue={_encoded(str(name))}", rows))
        return found

    def read(self, asked: Query) -> pd.DataFrame:
        """The attempts that are wanted, as `read_frame` gives them.

        Raises:
            ConfigurationError: pyarrow is not installed, there is no archive, or a file of it cannot be read.
        """
        arrow_table.library()
        self._check()
        if asked.limit is None:
            return merged([self._read(each, asked) for each in self._partitions(asked)])
        frames: list[pd.DataFrame] = []
        for partitions in _newest_first(self._partitions(asked)):
            frames.append(merged([self._read(each, asked) for each in partitions]))
            if sum(map(len, frames)) >= asked.limit:
                break
        return merged(frames, limit=asked.limit)

    def _write(self, folder: Path, rows: pd.DataFrame) -> Path:
        rows = in_order(rows)
        entries = rows["entry"]
        path = folder / f"part-{entries.iloc[0]}-{entries.iloc[-1]}-{_digest(rows)}.parquet"
        self._make(folder)
        with Writer(path, Parquet) as writer:
            writer.add(rows.drop(columns="queue"))
        return path

    def _make(self, folder: Path) -> None:
        """Make a folder, with the names of those that were made on the disk."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            text = f"{folder} cannot be made: {error.strerror}. Give a folder of yours."
            raise ConfigurationError(text) from error
        for each in missing:
            sync_folder(each.parent)

    def _check(self) -> None:
        if not self.folder.is_dir():
            raise ConfigurationError(f"{self.folder} is no archive: there is no such folder.")
        held = [each.name for each in self.folder.iterdir() if not each.name.startswith(".")]
        if held and not any(name.startswith("date=") for name in held):
            raise ConfigurationError(f"{self.folder} is no archive: it has no folders that are named date=YYYY-MM-DD.")

    def _partitions(self, asked: Query) -> Iterator[_Partition]:
        """The partitions in which something wanted may be, the oldest day first."""
        for day in sorted(self.folder.glob("date=*")):
            date = day.name.removeprefix("date=")
            if not selecting.has_day(date, asked):
                continue
            for place in sorted(day.glob("queue=*")):
                text = unquote(place.name.removeprefix("queue="))
                queue = None if text == _NONE else text
                if asked.queue in ("", queue) and (files := sorted(place.glob("part-*.parquet"))):
                    yield _Partition(date=date, queue=queue, files=files)

    def _read(self, partition: _Partition, asked: Query) -> pd.DataFrame:
        dataset = extras.load("pyarrow.dataset", "parquet", "Archives")
        arrow = arrow_table.library()
        schema = arrow.schema(_stored(arrow))
        try:
            files = dataset.dataset(list(map(str, partition.files)), schema=schema, format="parquet")
            table = files.to_table(filter=selecting.arrow_filter(arrow, dataset.field, asked))
        except (arrow.ArrowException, OSError) as error:
            text = f"{self.folder} cannot be read: {str(error).splitlines()[0]}"
            raise ConfigurationError(text) from error
        rows = arrow_table.from_arrow(table)
        known = pd.Index([] if partition.queue is None else [partition.queue], dtype=TEXT_TABLE)
        rows["queue"] = pd.Categorical([partition.queue] * len(rows), categories=known)
        return selecting.chosen(rows, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partition:
    """The files of one day and queue."""

    date: str
    queue: str | None
    files: list[Path]


def write(folder: str | os.PathLike[str], df: pd.DataFrame) -> list[Path]:
    """Put the attempts of a frame into the archive in a folder; the files, all of which are on the disk now."""
    return Archive(folder).add(df)


def read(
    folder: str | os.PathLike[str],
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    queue: str = "",
    states: Collection[str] | str = (),
    function: str = "",
    tag: str = "",
    limit: int | None = None,
) -> pd.DataFrame:
    """The attempts in an archive, with the columns, types and filters of `read_frame`; "7d" counts back from now.

    Raises:
        ConfigurationError: an argument cannot be used, or there is no archive.
    """
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    return Archive(folder).read(
        query(now_ms, since=since, until=until, queue=queue, states=states, function=function, tag=tag, limit=limit)
    )


async def read_both(
    ask: stream.Ask, keys: Keys, folder: str | os.PathLike[str] | None, *, limit: int | None = None, **filters: Any
) -> pd.DataFrame:
    """The attempts of the server and of an archive as one frame in the order of their ends, each once.

    Args:
        ask: puts a question to the server's client.
        keys: the namespace's keys.
        folder: of the archive; None: the attempts of the server alone.
        limit: only the newest so many of both.
        **filters: those of `read_frame`.
    """
    if folder is None:
        return await read_frame(ask, keys, limit=limit, **filters)
    asked = query(await stream.now_ms(ask), limit=limit, **filters)
    # in this order: what is moved meanwhile is in both, and never in none
    here = await read_frame(ask, keys, limit=limit, **filters)
    there = await asyncio.to_thread(Archive(folder).read, asked)
    found = await asyncio.to_thread(merged, [there, here], limit=limit)
    found.attrs.update(here.attrs)
    return found


def _encoded(queue: str) -> str:
    return quote(queue[:_NAME_CHARS], safe="", errors="replace") if queue else _NONE


def _digest(rows: pd.DataFrame) -> str:
    """The same for the same attempts, another for others: no file takes the place of one that holds more."""
    same = "\n".join("\t".join(map(str, row)) for row in rows[list(SAME)].itertuples(index=False))
    return hashlib.sha256(same.encode(errors="replace")).hexdigest()[:12]


def _newest_first(partitions: Iterator[_Partition]) -> list[list[_Partition]]:
    """The partitions of each day."""
    days: dict[str, list[_Partition]] = {}
    for each in partitions:
        days.setdefault(each.date, []).append(each)
    return [days[date] for date in sorted(days, reverse=True)]


def _stored(arrow: Any) -> Iterator[Any]:
    """The columns of a file; categories as texts, which Arrow can filter by."""
    for column in COLUMNS:
        if column.name != "queue":
            plain = column.kind in ("category", "state")
            yield arrow.field(column.name, arrow.string()) if plain else arrow_table.field_of(column)
