"""Moves what of the history is beyond its retention into an archive: once, or again and again beside a worker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from nbqueue.analysis import records
from nbqueue.broker import history as stream
from nbqueue.broker import queues, retention, scripts
from nbqueue.broker.history import Entry
from nbqueue.cli.durations import Seconds
from nbqueue.cli.reach import Server, asking, with_settings
from nbqueue.model.retention import LEAST_S, Retention
from nbqueue.model.settings import Settings

#: attempts of a file at most
ATTEMPTS = 50_000
#: how often a worker's archive is written to
EVERY_S = 3600.0
#: how soon it is seen that the worker is gone
LOOK_S = 1.0
#: how long an archiving process gets to end
END_S = 10.0


@dataclass(slots=True)
class Moved:
    """What was moved."""

    attempts: int = 0
    files: int = 0

    def __str__(self) -> str:
        return f"{self.attempts:,} attempts moved to {self.files:,} files"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--older-than", type=Seconds(LEAST_S), metavar="S",
              help="Also what is within its retention, where it ended longer ago than this: 7d.")  # fmt: skip
@click.option("--every", "every_s", type=Seconds(1), metavar="S", help="Go on, and do it again after this time: 1h.")
@click.option("--beside", type=int, hidden=True, help="End when this process is no longer the parent.")
@with_settings
def archive(
    settings: Settings, *, folder: Path, older_than: float | None, every_s: float | None, beside: int | None
) -> None:  # fmt: skip
    """Move attempts beyond their retention into Parquet files in DIR.

    They leave the server once the files are on the disk. From the first time on, nothing is forgotten for two days that
    was not archived: do it each day, or use `nbqueue worker --archive DIR`. `nbqueue history --archive DIR` reads both.
    """
    from nbqueue.analysis.files import arrow_table

    arrow_table.library()
    while True:
        moved = asking(settings, lambda server: move(server, folder, older_than))
        if moved.attempts or every_s is None:
            click.echo(f"{moved} in {folder}", err=True)
        if every_s is None or not asyncio.run(_wait(every_s, beside)):
            return


async def move(server: Server, folder: Path, older_than_s: float | None = None) -> Moved:
    """Move what is beyond the retention of each queue, or older than so many seconds."""
    await _claim(server, folder)
    own = await server.ask(lambda client: retention.settings(client, server.keys))
    moved = Moved()
    for queue in await server.ask(lambda client: queues.names(client, server.keys)):
        wanted = own.get(queue, Retention())
        if older_than_s is not None:
            wanted = replace(wanted, age_s=min(older_than_s, wanted.age_s))
        await _move_queue(server, queue, wanted, folder, moved)
    return moved


async def _claim(server: Server, folder: Path) -> None:
    await server.ask(lambda client: retention.claim_for_archive(client, server.keys, str(folder)))


async def _move_queue(server: Server, queue: str, wanted: Retention, folder: Path, moved: Moved) -> None:
    after, more = "", True
    while more:
        began, entries, attempts = after, list[Entry](), 0
        while more and attempts < ATTEMPTS:
            call = retention.prune(server.keys, queue, wanted, after=after, mode="tell")
            told = await server.ask(lambda client, call=call: scripts.run(client, call))  # type: ignore[misc]
            entries += told.over
            attempts += sum(fields[1].count(b"\n") + 1 for _, fields in told.over)
            after, more = told.last, bool(told.last)
        if entries:
            moved.files += await asyncio.to_thread(_write, folder, entries)
            moved.attempts += await _forget(server, queue, wanted, began, [entry for entry, _ in entries])


def _write(folder: Path, entries: list[Entry]) -> int:
    """Put the attempts of some entries into the archive; how many files."""
    from nbqueue.analysis import archive as files
    from nbqueue.analysis.frame import Rows

    rows = Rows()
    rows.add(records.parse(stream.page_of(entries), records.Query()))
    df = rows.frame()
    return len(files.write(folder, df)) if len(df) else 0


async def _forget(server: Server, queue: str, wanted: Retention, after: str, entries: list[bytes]) -> int:
    """Have the server forget entries that are in the archive, in their order; how many attempts."""
    attempts = 0
    while entries:
        some = entries[: retention.ENTRIES]
        call = retention.prune(server.keys, queue, wanted, after=after, mode="these", these=some)
        found = await server.ask(lambda client, call=call: scripts.run(client, call))  # type: ignore[misc]
        attempts += found.attempts
        if not found.last:
            break
        after, place = found.last, _place(found.last.encode())
        entries = [entry for entry in entries if _place(entry) > place]
    return attempts


def _place(entry: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry.partition(b"-")
    return int(milliseconds), int(number)


async def _wait(seconds: float, beside: int | None) -> bool:
    """Wait; False once the process beside which this one runs is gone."""
    for _ in range(max(round(seconds / LOOK_S), 1)):
        if beside is not None and os.getppid() != beside:
            return False
        await asyncio.sleep(LOOK_S)
    return True


@contextmanager
def beside(folder: Path | None, settings: Settings) -> Iterator[None]:
    """Archive into a folder, in a process of its own, as long as the block runs."""
    if folder is None:
        yield
        return
    from nbqueue.analysis.files import arrow_table

    arrow_table.library()
    # before the worker forgets anything itself
    asking(settings, lambda server: _claim(server, folder))
    words = ["history", "archive", str(folder), "--every", str(EVERY_S), "--beside", str(os.getpid())]
    # the password of a server is nothing for a command line
    where = {"NBQUEUE_URL": settings.url, "NBQUEUE_HOME": str(settings.home), "NBQUEUE_NAMESPACE": settings.namespace}
    environ = {**os.environ, **{name: value for name, value in where.items() if value is not None}}
    process = subprocess.Popen([sys.executable, "-m", "nbqueue", *words], env=environ, stdin=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
