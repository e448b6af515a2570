"""One frame of `nbqueue top`: what is known of the server, as lines that fit a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from nbqueue.board import columns, group_row, roster
from nbqueue.board.activity import Chart
from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.own import Own
from nbqueue.board.picked import counted
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
KEYS = "q quit  ↑↓ move  Tab queues  p pause queue  c cancel  r retry  s states  ? help"
ASCII_KEYS = "q quit  j/k move  Tab queues  p pause queue  c cancel  r retry  s states  ? help"


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
    lines = [_title(facts, where, now, size), _ended(facts, silent_s, size)]
    of_queues = grid(columns.QUEUES, size.width, wide=size.wide)
    lines.append(of_queues.heading())
    marked = (seat.queue if seat.among_queues else seat.job) if size.height is not None else ""
    lines += [
        of_queues.line(columns.queue(each), marked=_is(each.stats.name, marked, seat.among_queues)) for each in queues
    ]
    if engines:
        lines += [Text("", end=""), *_workers(facts, engines, size)]
    lines.append(Text("", end=""))
    of_jobs = grid(columns.JOBS, size.width, wide=size.wide)
    lines.append(of_jobs.heading())
    for record in jobs:
        row = columns.job(record, now, facts.lacks.get(record.id, ""))
        lines.append(of_jobs.line(row, marked=_is(record.id, marked, not seat.among_queues)))
    if not jobs:
        lines.append(Text("No jobs.", end=""))
    if size.height is None:
        return [*lines, *_cut([columns.more(facts)], size)]
    lines = lines[: max(size.height - 2, 1)]
    lines += [Text("", end="")] * (size.height - 2 - len(lines))
    return [*lines, *_foot(facts, seat, size)][: size.height]


def _is(name: str, marked: str, is_here: bool) -> bool:  # noqa: FBT001 - whether the cursor is in that table
    return is_here and name == marked


def _rows(facts: Facts, seat: Seat, size: Size) -> tuple[Sequence[QueueFacts], int, list[JobRecord]]:
    """The queues, how many rows of workers, and the jobs that there is room for."""
    choice = seat.choice
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


def _title(facts: Facts, where: str, now: datetime, size: Size) -> Text:
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


def _foot(facts: Facts, seat: Seat, size: Size) -> Iterator[Text]:
    """The last two lines: what is asked, was said or is known of the row; and the keys."""
    if seat.question is not None:
        yield from _cut([f"{seat.question[0]} y/n"], size, "bold")
    else:
        yield from _cut([seat.said or _about(facts, seat)], size)
    yield from _cut([KEYS if size.wide else ASCII_KEYS], size, "dim")


def _about(facts: Facts, seat: Seat) -> str:
    """The row with the cursor: what it is, and what is wrong with it."""
    shown = f"{seat.choice.state}{f' in {seat.choice.queue}' if seat.choice.queue else ''}"
    if seat.among_queues or not seat.job:
        return columns.more(facts) or f"shown: {shown}"
    if group_row.is_group(seat.job):
        return f"group {wording.line(group_row.group_of(seat.job))}"
    found = next((each for each in facts.jobs if each.id == seat.job), None)
    if found is None:
        return ""
    lack = facts.lacks.get(found.id, "")
    error = f"{found.error_type}: {found.error}" if found.error_type else ""
    return " · ".join(wording.line(each) for each in (found.id, found.function, lack, error) if each)


def _cut(lines: Sequence[str], size: Size, style: str = "") -> Iterator[Text]:
    for line in lines:
        plain = line if size.wide else line.replace("·", "-")
        yield Text(set_cell_size(plain, size.width).rstrip(), style=style, end="")
