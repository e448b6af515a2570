"""Moves what of the history is beyond its retention into an archive: once, or again and again beside a worker."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from nbqueue.analysis import records
from nbqueue.broker import history as stream
from nbqueue.broker import queues, retention, scripts
from nbqueue.broker.history import Entry
from nbqueue.cli.durations import Seconds
from nbqueue.cli.reach import Server, asked, complete, shared_address, with_settings
from nbqueue.cli.spoken import SENTENCE_LIMIT
from nbqueue.display import wording
from nbqueue.errors import AccessDenied, ConfigurationError, NbqueueError
from nbqueue.model.retention import LEAST_S, Retention
from nbqueue.model.settings import Settings

#: attempts of a file at most
ATTEMPTS = 50_000
#: how soon it is tried again after trouble
AGAIN_S = 10.0
#: how soon it is seen that the worker is gone
LOOK_S = 1.0


@dataclass(slots=True)
class Moved:
    """What was moved."""

    attempts: int = 0
    files: int = 0

    def __str__(self) -> str:
        return f"{self.attempts:,} attempts moved to {self.files:,} files"


@dataclass(slots=True)
class Trouble:
    """What has kept it from archiving since it worked last."""

    #: whether it ever worked
    has_worked: bool = False
    #: what was said
    told: set[tuple[object, ...]] = field(default_factory=set)

    def tell(self, error: NbqueueError | OSError) -> None:
        """Say it, once; raises what no waiting mends where it has never worked."""
        cause = error.__cause__ or error
        is_misuse = isinstance(error, ConfigurationError) and not isinstance(cause, OSError)
        if not self.has_worked and (is_misuse or isinstance(error, AccessDenied)):
            raise error
        kind = (type(error), type(cause), getattr(cause, "errno", None))
        if kind not in self.told:
            self.told.add(kind)
            said = wording.line(error, SENTENCE_LIMIT)
            click.echo(f"nbqueue: Nothing is archived, and it is tried again until it works: {said}", err=True)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
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
    With --every, what keeps it from archiving is said once, and it is tried again until it works.
    """
    complete(_archive(settings, folder.expanduser().absolute(), older_than, every_s, beside))


async def _archive(
    settings: Settings, folder: Path, older_than: float | None, every_s: float | None, beside: int | None
) -> None:  # fmt: skip
    from nbqueue.analysis.files import arrow_table

    arrow_table.library()
    if every_s is None:
        _make(folder)
        moved = await asked(settings, lambda server: move(server, folder, older_than))
        click.echo(f"{moved} in {folder}", err=True)
        return
    if settings.url is not None:
        shared_address(settings.url)
    trouble, pause_s = Trouble(), every_s
    while True:
        try:
            moved = await asked(settings, lambda server: move(server, folder, older_than))
        except (NbqueueError, OSError) as error:
            trouble.tell(error)
            pause_s = min(every_s, AGAIN_S)
        else:
            trouble, pause_s = Trouble(has_worked=True), every_s
            if moved.attempts:
                click.echo(f"{moved} in {folder}", err=True)
        if not await _wait(pause_s, beside):
            return


async def move(server: Server, folder: Path, older_than_s: float | None = None) -> Moved:
    """Move what is beyond the retention of each queue, or older than so many seconds."""
    await _claim(server, folder, is_done=False)
    await asyncio.to_thread(_make, folder)
    own = await server.ask(lambda client: retention.settings(client, server.keys))
    moved = Moved()
    for queue in await server.ask(lambda client: queues.names(client, server.keys)):
        wanted = own.get(queue, Retention())
        if older_than_s is not None:
            wanted = replace(wanted, age_s=min(older_than_s, wanted.age_s))
        await _move_queue(server, queue, wanted, folder, moved)
    await _claim(server, folder, is_done=True)
    return moved


def _make(folder: Path) -> None:
    from nbqueue.analysis.archive import Archive

    Archive(folder).make()


async def _claim(server: Server, folder: Path, *, is_done: bool) -> None:
    await server.ask(lambda client: retention.claim_for_archive(client, server.keys, str(folder), is_done=is_done))


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
        after, place = found.last, stream.place(found.last)
        entries = [entry for entry in entries if stream.place(entry.decode()) > place]
    return attempts


async def _wait(seconds: float, beside: int | None) -> bool:
    """Wait; False once the process beside which this one runs is gone."""
    for _ in range(max(round(seconds / LOOK_S), 1)):
        if beside is not None and os.getppid() != beside:
            return False
        await asyncio.sleep(LOOK_S)
    return True
