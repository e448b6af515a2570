"""What the keys of `nbqueue top` do, as its last line and its help say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import NamedTuple

from rich.cells import cell_len

from nbqueue.cli.screen.seat import Seat

_GAP = "  "


class Key(NamedTuple):
    """A key that does something where the person is."""

    name: str
    does: str


QUIT, BACK = Key("q", "quit"), Key("Esc", "back")
MOVE, SCROLL = Key("↑↓", "move"), Key("↑↓", "scroll")
OPEN, QUEUES, JOBS = Key("Enter", "open"), Key("Tab", "queues"), Key("Tab", "jobs")
PAUSE, CANCEL, RETRY = Key("p", "pause"), Key("c", "cancel"), Key("r", "retry")
STATES, HELP = Key("s", "states"), Key("?", "help")
#: left out in this order where a terminal is narrow; the help has them
_SPARE = (MOVE, SCROLL, STATES, PAUSE, QUEUES)
#: on a terminal that knows only ASCII
_ASCII: Mapping[str, str] = {"↑↓": "j/k"}

#: all of them, in full
ALL = (
    ("arrows, j k", "move the cursor, or scroll; page up and page down by ten"),
    ("Enter", "open the job: all that is known of it, its log; or the group's jobs"),
    ("Esc, q", "go back; from the first page q ends, as does Ctrl-C from any"),
    ("Tab", "go to the queues, and back to the jobs"),
    ("c, r", "cancel, or retry, the job or group, once y is pressed"),
    ("p", "pause the queue of the row, or let it go on"),
    ("s", "show all jobs, those that wait or run, those that did not succeed"),
)


def here(seat: Seat) -> tuple[Key, ...]:
    """The keys that do something now."""
    if seat.helping:
        return (Key("any key", "back"),)
    if seat.opened:
        return (BACK, SCROLL, PAUSE, CANCEL, RETRY, HELP)
    leave = BACK if seat.group else QUIT
    if seat.among_queues:
        return (leave, MOVE, JOBS, PAUSE, STATES, HELP)
    return (leave, MOVE, OPEN, QUEUES, PAUSE, CANCEL, RETRY, STATES, HELP)


def line(seat: Seat, width: int, *, wide: bool) -> str:
    """The last line: whole keys, as many as there is room for."""
    keys = list(here(seat))
    for spare in (*_SPARE, *reversed(keys[1:-1])):
        if cell_len(text := _line(keys, wide=wide)) <= width:
            return text
        keys = [key for key in keys if key != spare]
    return _line(keys, wide=wide)


def in_full(width: int) -> Iterator[str]:
    """The help, line by line, each no longer than so many characters."""
    names = max(len(name) for name, _ in ALL) + 2
    for name, does in ALL:
        for number, part in enumerate(wrap(does, max(width - names, 8))):
            yield f"{'' if number else name:<{names}}{part}"


def _line(keys: list[Key], *, wide: bool) -> str:
    return _GAP.join(f"{name if wide else _ASCII.get(name, name)} {does}" for name, does in keys)
