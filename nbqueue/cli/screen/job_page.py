"""One job of `nbqueue top` as lines that fit a terminal: what is known of it, and the end of its log. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.cells import chop_cells
from rich.text import Text

from nbqueue.cli.one_job import OneJob
from nbqueue.cli.screen.frame import Size, cut, foot
from nbqueue.cli.screen.opened import Sight
from nbqueue.cli.screen.seat import Seat
from nbqueue.display import palette, text, view, wording
from nbqueue.model.job import JobRecord

#: lines of a value, which is then cut
_VALUE_LINES = 4
#: the part of the lines that the log gets at least, where it has so many
_LOG_PART = 3
_LOG_LINES = 200
#: lines that are neither facts nor log: title, state, the log's heading, what was said, keys
_OTHERS = 5


def page(sight: Sight, seat: Seat, size: Size, *, title: Text, now: datetime) -> list[Text]:
    """The lines of the page; tells the seat how far it scrolls.

    Args:
        sight: what is known of the job.
        seat: how far somebody has scrolled.
        size: of the terminal.
        title: the first line.
        now: the server's clock.
    """
    height = size.height or 24
    room = max(height - _OTHERS, 2)
    log = wording.coloured_tail(sight.log, _LOG_LINES, max(size.width, 1)) if sight.job is not None else ()
    facts = [] if sight.job is None else list(_facts(sight.job, size))
    rows = max(room - len(facts), room // _LOG_PART) if log else 0
    shown = min(rows, len(log), room - 1)
    facts_room = room - shown
    seat.scrolls = max(len(facts) - facts_room, 0)
    seat.scroll = min(seat.scroll, seat.scrolls)
    lines = [title, _state(sight, size, now), *facts[seat.scroll : seat.scroll + facts_room]]
    lines += [Text("", end="")] * (2 + facts_room - len(lines))
    lines.append(_heading(len(log), shown, sight, size))
    lines += [_log_line(each, size.width) for each in log[len(log) - shown :]]
    about = sight.problem or _more(seat, len(facts), facts_room)
    return [*lines, *foot(seat, size, wording.line(about))][:height]


def _state(sight: Sight, size: Size, now: datetime) -> Text:
    """How it stands, as on its card."""
    if sight.job is None:
        return Text("asking the server ..." if not sight.problem else "", end="")
    card = view.of_job(sight.job.record, now=now, why=sight.job.why)
    glyph = card.look.glyph if size.wide else card.look.ascii
    told = "  ".join(filter(None, (f"{glyph} {card.look.word}", card.title, text.figures(card), card.message)))
    [found] = cut([told], size)
    found.stylize("bold")
    found.stylize(card.look.colour, 0, len(f"{glyph} {card.look.word}"))
    return found


def _facts(job: OneJob, size: Size) -> Iterator[Text]:
    """What `nbqueue jobs ID` shows; long values in several lines."""
    facts = job.facts
    width = max(map(len, facts), default=0) + 2
    for name, value in facts.items():
        parts = chop_cells(value, max(size.width - width, 8))
        for number, part in enumerate(parts[:_VALUE_LINES]):
            yield from cut([f"{'' if number else name:<{width}}{part}"], size)
    if job.raised_at:
        yield Text("", end="")
        yield from cut(job.raised_at, size, palette.VERMILION if job.record.error_type else "")


def _heading(lines: int, shown: int, sight: Sight, size: Size) -> Text:
    """What stands above the log: how much of it is below."""
    if not lines:
        told = "no log" if sight.job is not None else ""
    else:
        told = "log" if shown == lines else f"log, its last lines (all: nbqueue logs {sight.id})"
    [found] = cut([told], size, "bold")
    return found


def _log_line(line: str, width: int) -> Text:
    found = Text.from_ansi(line.expandtabs(4))
    found.truncate(width)
    found.end = ""
    return found


def _more(seat: Seat, facts: int, room: int) -> str:
    return f"lines {seat.scroll + 1:,} to {min(seat.scroll + room, facts):,} of {facts:,}" if seat.scrolls else ""


def unfit(verb: str, record: JobRecord) -> str:
    """Why a job as it stands cannot be cancelled or retried, in a sentence; or nothing."""
    word = palette.STATES[record.state].word
    if verb == "Cancel" and record.state.is_final:
        return f"{record.id} has ended ({word}): there is nothing to cancel."
    if verb == "Retry" and not record.state.is_final:
        return f"{record.id} has not ended ({word}): it can be retried once it has."
    return ""
