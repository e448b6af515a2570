"""What was: `history` as a frame, `export` as a file; here the client and the analysis are put together."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from nbqueue.client.link import Link
from nbqueue.client.named import Named, name_of, queue_named, tag_named
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.model.moments import Moment

if TYPE_CHECKING:
    from pandas import DataFrame


def history(
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    queue: str = "",
    states: Collection[str] | str = (),
    function: Named = "",
    tag: str = "",
    limit: int | None = None,
    archive: str | os.PathLike[str] | None = None,
) -> Pending[DataFrame]:
    """The history as a pandas frame, one row an attempt, oldest first.

    Args:
        since: "7d", "2h", a timedelta (both back from now), an aware datetime, or an entry of an earlier frame.
        until: the same.
        queue: only this queue.
        states: only these final states, or "lost" or "retried".
        function: only this function, or its qualified name.
        tag: only jobs that have this tag.
        limit: only the newest so many.
        archive: a folder with attempts that were archived: they come too, each attempt once.
    """
    import nbqueue.analysis.accessor  # noqa: F401 - gives frames df.nbqueue
    from nbqueue.analysis.archive import read_both

    wanted = {"queue": queue_named(queue), "function": name_of(function), "tag": tag_named(tag)}

    async def read(link: Link) -> DataFrame:
        ask, keys = link.wire.ask, link.wire.keys
        return await read_both(ask, keys, archive, since=since, until=until, states=states, limit=limit, **wanted)

    return session().begin(read, what="reading the history")


def export(
    path: str | os.PathLike[str],
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    queue: str = "",
    states: Collection[str] | str = (),
    function: Named = "",
    tag: str = "",
    limit: int | None = None,
    raw: bool = False,
) -> Pending[Path]:
    """Write the history to a file, page by page, however long it is; gives the file's path.

    The ending says the format: .csv, .jsonl, .parquet (with `nbqueue[parquet]`), .xlsx (with `nbqueue[excel]`), or
    .html, a report. The file appears whole or not at all.

    Args:
        path: where the file is to be.
        since: "7d", "2h", a timedelta (both back from now), an aware datetime, or an entry of an earlier frame.
        until: the same.
        queue: only this queue.
        states: only these final states, or "lost" or "retried".
        function: only this function, or its qualified name.
        tag: only jobs that have this tag.
        limit: only the newest so many.
        raw: in CSV, leave texts as they are; else one that a spreadsheet would run has a quote mark before it.
    """
    from nbqueue.analysis.export import export_history, format_of
    from nbqueue.analysis.files.paths import checked

    wanted = {"queue": queue_named(queue), "function": name_of(function), "tag": tag_named(tag)}
    # where the caller is now: the file is written in another thread
    target = checked(path)
    format_of(target)

    async def write(link: Link) -> Path:
        ask, keys = link.wire.ask, link.wire.keys
        found, _ = await export_history(
            ask, keys, target, raw=raw, since=since, until=until, states=states, limit=limit, **wanted
        )
        return found

    return session().begin(write, what="exporting the history")
