"""Frames and histories as files: CSV, JSON lines, Parquet, XLSX, or a page to look at."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, TypeVar

import pandas as pd

from nbqueue.analysis import records
from nbqueue.analysis.files.writer import Format, Writer
from nbqueue.analysis.frame import Rows, query
from nbqueue.analysis.records import Part
from nbqueue.broker import history as stream
from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError
from nbqueue.model import names

T = TypeVar("T")

#: rows that are turned into a file's bytes at once
ROWS = 20_000


def export_csv(df: pd.DataFrame, path: str | os.PathLike[str], *, raw: bool = False) -> Path:
    """Write a frame to `path` as UTF-8 CSV without its index, and give the path back.

    Times are ISO 8601 in UTC, tuples, lists and dicts JSON. The file appears whole or not at all.

    Args:
        df: any frame.
        path: where the file is to be.
        raw: leave texts as they are; else one that a spreadsheet would run as a formula has a quote mark before it.

    Raises:
        ConfigurationError: the folder does not exist or cannot be written to.
    """
    return write(df, path, _csv(raw))


def export_jsonl(df: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a frame to `path` as JSON lines, an object a row, and give the path back.

    Times are ISO 8601 in UTC, what is missing null. The file appears whole or not at all.

    Raises:
        ConfigurationError: the folder does not exist or cannot be written to.
    """
    return write(df, path, _jsonl)


def export_parquet(df: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a frame to `path` as Parquet without its index, types kept, and give the path back.

    The file appears whole or not at all. It needs pyarrow: `pip install 'nbqueue[parquet]'`.

    Raises:
        ConfigurationError: pyarrow is not installed, or the folder does not exist or cannot be written to.
    """
    return write(df, path, _parquet, rows=max(len(df), 1))


def export_xlsx(df: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a frame to `path` as a spreadsheet, and give the path back.

    Texts are texts, never formulas, links or numbers; times are dates in UTC. Over 1,048,575 rows it has further
    sheets, and texts are cut at 32,767 characters. The file appears whole or not at all. It needs xlsxwriter:
    `pip install 'nbqueue[excel]'`.

    Raises:
        ConfigurationError: xlsxwriter is not installed, or the folder does not exist or cannot be written to.
    """
    return write(df, path, _xlsx)


def export_html(df: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a report on a frame of `nbqueue.history()` to `path`, a page that needs nothing else; gives the path back.

    It has counts, charts, and the newest attempts as a table. The file appears whole or not at all.

    Raises:
        ConfigurationError: it is no frame of a history, or the folder does not exist or cannot be written to.
    """
    return write(df, path, _html)


def write(
    df: pd.DataFrame, path: str | os.PathLike[str], begin: Callable[[IO[bytes]], Format], *, rows: int = ROWS
) -> Path:
    """Write a frame to `path` in the format that `begin` makes, so many rows at a time, and give the path back."""
    with Writer(path, begin) as writer:
        for start in range(0, max(len(df), 1), rows):
            writer.add(df.iloc[start : start + rows])
    return writer.target


async def export_history(
    ask: stream.Ask, keys: Keys, path: str | os.PathLike[str], *, raw: bool = False, **filters: Any
) -> tuple[Path, int]:
    """Write the attempts that are wanted to `path`, in the format that its ending names; the path and how many.

    They are read page by page, and turned into the file's bytes beside the loop. The filters are those of `read_frame`.

    Raises:
        ConfigurationError: a filter cannot be used, the ending is not known, a library is missing, or the file cannot
            be written.
    """
    begin = format_of(path, raw=raw)
    asked = query(await stream.now_ms(ask), **filters)
    opened: list[Writer] = []
    try:
        await _beside(lambda: opened.append(Writer(path, begin)))
        [writer] = opened
        count = 0
        async with aclosing(_bundles(records.read(ask, keys, asked))) as bundles:
            async for parts in bundles:
                count += await _beside(_add, writer, parts)
        if not count:
            await _beside(_add, writer, [])
        return await _beside(writer.close), count
    finally:
        # also where the wait for its opening was given up
        for each in opened:
            await _beside(each.drop)


def format_of(path: str | os.PathLike[str], *, raw: bool = False) -> Callable[[IO[bytes]], Format]:
    """What makes the format that a path's ending names.

    Raises:
        ConfigurationError: none has that ending.
    """
    known: dict[str, Callable[[IO[bytes]], Format]] = {
        ".csv": _csv(raw), ".jsonl": _jsonl, ".parquet": _parquet, ".xlsx": _xlsx, ".html": _html,
    }  # fmt: skip
    begin = known.get((Path(path).suffix or Path(path).name).lower())
    if begin is None:
        endings = ", ".join(list(known)[:-1])
        raise ConfigurationError(
            f"{names.shown(os.fspath(path))} cannot be written: give a file that ends in {endings} or .html."
        )
    return begin


def _csv(raw: bool) -> Callable[[IO[bytes]], Format]:  # noqa: FBT001 - private, and called in this file only
    from nbqueue.analysis.files.csv_lines import CsvLines

    return lambda file: CsvLines(file, raw=raw)


def _jsonl(file: IO[bytes]) -> Format:
    from nbqueue.analysis.files.json_lines import JsonLines

    return JsonLines(file)


def _parquet(file: IO[bytes]) -> Format:
    from nbqueue.analysis.files.parquet import Parquet

    return Parquet(file)


def _xlsx(file: IO[bytes]) -> Format:
    from nbqueue.analysis.files.xlsx import Xlsx

    return Xlsx(file)


def _html(file: IO[bytes]) -> Format:
    from nbqueue.analysis.files.report import Report

    return Report(file)


async def _bundles(parts: AsyncGenerator[Part, None]) -> AsyncGenerator[list[Part], None]:
    """Parts of a history, so many together as are turned into bytes at once."""
    held: list[Part] = []
    rows = 0
    async with aclosing(parts):
        async for part in parts:
            held.append(part)
            rows += len(part.entries)
            if rows >= ROWS:
                yield held
                held, rows = [], 0
    if rows:
        yield held


def _add(writer: Writer, parts: list[Part]) -> int:
    rows = Rows()
    for part in parts:
        rows.add(part)
    df = rows.frame()
    writer.add(df)
    return len(df)


async def _beside(act: Callable[..., T], *given: Any) -> T:
    """What `act` gives, worked out in a thread. Whoever is cancelled waits for it: it may be writing the file."""
    working = asyncio.ensure_future(asyncio.to_thread(act, *given))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
