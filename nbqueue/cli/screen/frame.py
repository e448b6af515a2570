"""One frame of `nbqueue top`: what is known of the server, as lines that fit a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from nbqueue.board import columns, group_row, roster, unlisted
from nbqueue.board.activity import Chart
from nbqueue.board.columns import Cell, Column
from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.own import Own
from nbqueue.board.picked import counted
from nbqueue.cli.screen import keys
from nbqueue.cli.screen.grid import grid
from nbqueue.cli.screen.seat import Seat
from nbqueue.display import palette, wording
from nbqueue.model.job import JobRecord

#: jobs of a frame that has no height
JOBS = 30
#: rows of queues and workers that a low terminal shows at least
LEAST_ROWS = 2
#: lines from which on there is room for workers
HIGH = 16
#: lines that are no rows: title, what ended, two headings, a gap, what was said, keys; and those of the workers' table
_OTHERS, _OF_WORKERS = 7, 2
_SPARK = "▁▂▃▄▅▆▇█"
#: columns of the table of jobs, ids first where there is room for both an id and a name
JOB_COLUMNS = (Column("id"), *columns.JOBS)
#: from so many cells on an id has at most so many; those that nbqueue makes have 20
ID_CELLS = ((56, 20), (120, 24), (160, 36))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What there is to draw on."""

    width: int
    #: None: as many lines as it takes
    height: int | None = None
    #: whether it knows more than ASCII
    wide: bool = True


def frame(facts: Facts, seat: Seat, size: Size, *, where: str, now: datetime, silent_s: float = 0.0) -> list[Text]:
    """The lines of a frame; tells the seat which rows it has.

    Args:
        facts: what is known.
        seat: what is to be seen.
        size: of the terminal.
        where: the server in words.
        now: the server's clock.
        silent_s: since when nothing was heard of it.
    """
    queues, engines, jobs = _rows(facts, seat, size)
    seat.drawn([each.stats.name for each in queues], [each.id for each in jobs])
    lines = [title(facts, where, now, size), _ended(facts, silent_s, size)]
    of_queues = grid(columns.QUEUES, size.width, wide=size.wide)
    lines.append(of_queues.heading())
    marked = (seat.queue if seat.among_queues else seat.job) if size.height is not None else ""
    lines += [
        of_queues.line(columns.queue(each), marked=_is(each.stats.name, marked, seat.among_queues)) for each in queues
    ]
    if engines:
        lines += [Text("", end=""), *_workers(facts, engines, size)]
    lines += [
        *cut([_of_group(facts, seat)], size, "bold"),
        *_jobs(jobs, facts, size, now, marked="" if seat.among_queues else marked),
    ]
    if not jobs:
        lines.append(Text("No jobs.", end=""))
    if size.height is None:
        return [*lines, *cut([unlisted.words(facts, seat.choice)], size)]
    lines = lines[: max(size.height - 2, 1)]
    lines += [Text("", end="")] * (size.height - 2 - len(lines))
    return [*lines, *foot(seat, size, _about(facts, seat))][: size.height]


def _is(name: str, marked: str, is_here: bool) -> bool:  # noqa: FBT001 - whether the cursor is in that table
    return is_here and name == marked


def _rows(facts: Facts, seat: Seat, size: Size) -> tuple[Sequence[QueueFacts], int, list[JobRecord]]:
    """The queues, how many rows of workers, and the jobs that there is room for."""
    choice = seat.choice
    if seat.group:
        found = roster.ordered(roster.wanted(_members(facts, seat.group), choice), choice)
    else:
        found = roster.ordered(roster.rows_wanted(facts.jobs, choice, facts.groups, facts.own or Own()), choice)
    found.sort(key=_standing)
    queues = [each for each in facts.queues if choice.queue in ("", each.stats.name)]
    if size.height is None:
        return queues, max(len(facts.engines), 1), found[:JOBS]
    room = max(size.height - _OTHERS, 0)
    third = max(room // 3, LEAST_ROWS)
    few = min(len(queues), third)
    engines = min(max(len(facts.engines), 1), max(third // 2, LEAST_ROWS)) if size.height >= HIGH else 0
    left = max(room - few - (engines + _OF_WORKERS if engines else 0), 1)
    seat.start = min(seat.start, max(len(found) - left, 0))
    return _around(queues, seat.queue, few), engines, found[seat.start : seat.start + left]


def _around(queues: Sequence[QueueFacts], name: str, few: int) -> Sequence[QueueFacts]:
    """So many queues, that of the cursor and its neighbours among them."""
    place = next((number for number, each in enumerate(queues) if each.stats.name == name), 0)
    start = min(max(place - few // 2, 0), max(len(queues) - few, 0))
    return queues[start : start + few]


def _standing(record: JobRecord) -> int:
    """What runs comes first, then what waits, then what has ended."""
    return 2 if record.state.is_final else 0 if record.started_at is not None else 1


def title(facts: Facts, where: str, now: datetime, size: Size) -> Text:
    """The first line: the server, and how much there is to do."""
    stats = facts.stats
    waiting, running = sum(each.queued + each.scheduled for each in stats), sum(each.running for each in stats)
    parts = [
        counted(len(stats), "queue"), counted(len(facts.engines), "worker"), f"{running:,} running",
        f"{waiting:,} waiting",
    ]  # fmt: skip
    counts = ", ".join(parts)
    clock = "" if facts.at is None else f"  {wording.clock(now)}"
    room = max(size.width - cell_len(counts) - len(clock) - 1, 8)
    name = wording.line(f"nbqueue {where}", 300)
    name = name if cell_len(name) <= room else set_cell_size(name, room - 1) + ("…" if size.wide else "~")
    text = f"{set_cell_size(name, room)} {counts}{clock}"
    return Text(set_cell_size(text, size.width), style="bold", end="")


def _jobs(jobs: Sequence[JobRecord], facts: Facts, size: Size, now: datetime, *, marked: str) -> Iterator[Text]:
    """The table of jobs; its ids are as wide as the longest that is known, so that columns stay where they are."""
    ids = {record.id: _id(record) for record in jobs}
    most = max((cells for least, cells in ID_CELLS if size.width >= least), default=0)
    # those that are not shown may come into sight
    longest = max(map(len, (*map(_id, (*facts.jobs, *facts.groups.values())), "id")))
    of_jobs = grid(
        JOB_COLUMNS if most else columns.JOBS, size.width, wide=size.wide, ids=min(most, longest)
    )  # fmt: skip
    yield of_jobs.heading()
    for record in jobs:
        row = columns.job(record, now, facts.lacks.get(record.id, ""))
        row = (Cell(text=wording.line(ids[record.id])), *row) if most else row
        yield of_jobs.line(row, marked=record.id == marked)


def _id(record: JobRecord) -> str:
    """What commands know a row by."""
    return group_row.group_of(record.id)


def _members(facts: Facts, group: str) -> list[JobRecord]:
    return [record for record in facts.jobs if record.group == group]


def _of_group(facts: Facts, seat: Seat) -> str:
    """Whose jobs are listed, where they are those of a group."""
    if not seat.group:
        return ""
    known = len(_members(facts, seat.group))
    row = facts.groups.get(seat.group)
    total = f"{known:,} of its {counted(row.total, 'job')}" if row is not None and row.total > known else "all its jobs"
    return f"group {wording.line(seat.group)}: {total}"


def _ended(facts: Facts, silent_s: float, size: Size) -> Text:
    """What keeps from knowing more, or what ended lately, with a little chart."""
    if facts.problem:
        since = f" (what is shown is {wording.duration(silent_s, running=True)} old)" if facts.at else ""
        return Text(set_cell_size(wording.line(facts.problem, size.width) + since, size.width).rstrip(),
                    style=palette.VERMILION, end="")  # fmt: skip
    if facts.warning:
        return Text(wording.line(facts.warning, size.width), style=palette.ORANGE, end="")
    if facts.chart is None:
        return Text("asking the server ...", end="")
    sentence = columns.ended(facts.chart)
    chart = _spark(facts.chart, size.width - cell_len(sentence) - 2) if size.wide else ""
    return Text(f"{sentence}  {chart}".rstrip(), end="")


def _spark(chart: Chart, width: int) -> str:
    """What ended in each bar of the chart, the newest at the right."""
    counts = [bar.succeeded + bar.failed + bar.other for bar in chart.bars][-max(width, 0) :] if width > 0 else []
    most = max(counts, default=0)
    return "".join(_SPARK[0] if not each else _SPARK[max(round(each / most * 7), 1)] for each in counts) if most else ""


def _workers(facts: Facts, few: int, size: Size) -> Iterator[Text]:
    of_workers = grid(columns.WORKERS, size.width, wide=size.wide)
    yield of_workers.heading()
    if not facts.engines:
        yield Text("No worker runs.", end="")
    left_out = len(facts.engines) - few
    for engine in facts.engines[: few - (left_out > 0)]:
        yield of_workers.line(columns.worker(engine, facts.at))
    if left_out > 0:
        yield Text(f"and {left_out + 1:,} more", end="", style="dim")


def foot(seat: Seat, size: Size, about: str) -> Iterator[Text]:
    """The last two lines: what is asked, was said or else is known; and the keys."""
    if seat.question is not None:
        yield from cut([f"{seat.question[0]} y/n"], size, "bold")
    else:
        yield from cut([seat.said or about], size)
    yield from cut([keys.line(seat, size.width, wide=size.wide)], size, "dim")


def helping(seat: Seat, size: Size, head: Text) -> list[Text]:
    """The keys in full, in the place of a frame."""
    height = size.height or JOBS
    lines = [head, Text("", end=""), *cut([*keys.in_full(size.width)], size)][: max(height - 2, 1)]
    lines += [Text("", end="")] * (height - 2 - len(lines))
    return [*lines, *foot(seat, size, "")][:height]


def _about(facts: Facts, seat: Seat) -> str:
    """The row with the cursor: what it is, and what is wrong with it."""
    shown = f"{seat.choice.state}{f' in {seat.choice.queue}' if seat.choice.queue else ''}"
    if seat.among_queues or not seat.job:
        return unlisted.words(facts, seat.choice) or f"shown: {shown}"
    if group_row.is_group(seat.job):
        return f"group {wording.line(group_row.group_of(seat.job))}"
    found = next((each for each in facts.jobs if each.id == seat.job), None)
    if found is None:
        return ""
    lack = facts.lacks.get(found.id, "")
    error = f"{found.error_type}: {found.error}" if found.error_type else ""
    return " · ".join(wording.line(each) for each in (found.id, found.function, lack, error) if each)


def cut(lines: Sequence[str], size: Size, style: str = "") -> Iterator[Text]:
    """Lines that are no longer than the terminal is wide."""
    for line in lines:
        plain = line if size.wide else line.replace("·", "-")
        yield Text(set_cell_size(plain, size.width).rstrip(), style=style, end="")
