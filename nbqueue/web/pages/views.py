"""What one page shows, read from its address, and the address of what else it could show. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from nbqueue.board import roster
from nbqueue.board.activity import WINDOWS, Window
from nbqueue.board.roster import Choice
from nbqueue.display import wording

#: rows of a page unless another number is chosen
ROWS = 25
#: characters of a word in an address that are read
LONGEST = 200
#: rows that keep their places at most
HELD = max(roster.PAGES)
CHOICE = Choice(page_size=ROWS, sort=roster.STANDING)
_SORTED_UPWARDS = frozenset({"job", "state", "queue", "function"})
_WINDOWS: Mapping[str, Window] = {window.label.replace(" ", ""): window for window in WINDOWS}


class Kind(StrEnum):
    """The pages there are."""

    BOARD = "board"
    JOB = "job"
    GROUP = "group"
    SCHEDULES = "schedules"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page as somebody looks at it; who looks at the same has the same one."""

    kind: Kind = Kind.BOARD
    #: of the job or the group
    id: str = ""
    choice: Choice = CHOICE
    #: ids of rows that keep their places
    held: tuple[str, ...] = ()

    @property
    def listed(self) -> Choice:
        """What all that match are, on other pages too: on the page of a group its jobs alone."""
        return replace(self.choice, text=self.id, folded=False) if self.kind is Kind.GROUP else self.choice


def read(query: Mapping[str, str], kind: Kind = Kind.BOARD, item: str = "") -> View:
    """The view that an address asks for; what is not known in it stands as if it were not there."""
    sort = _of(query, "sort", roster.SORTS, CHOICE.sort)
    order = query.get("order", "up" if sort in _SORTED_UPWARDS else "down")
    choice = Choice(
        text=query.get("text", "")[:LONGEST],
        state=_of(query, "state", roster.STATES, CHOICE.state),
        queue=query.get("queue", "")[:LONGEST],
        function=query.get("function", "")[:LONGEST],
        folded=query.get("groups", "folded") != "apart",
        sort=sort,
        descending=order != "up",
        page=max(_number(query.get("page", "")) - 1, 0),
        page_size=_rows(query),
        window=_WINDOWS.get(query.get("window", ""), CHOICE.window),
    )
    held = tuple(part for part in query.get("held", "")[: HELD * 140].split(",") if part)[:HELD]
    return View(kind=kind, id=item, choice=choice, held=held)


def odd(query: Mapping[str, str]) -> tuple[str, ...]:
    """What an address asks for that there is not, each as it was written."""
    known: Mapping[str, Collection[str]] = {
        "state": roster.STATES, "sort": roster.SORTS, "order": ("up", "down"), "groups": ("folded", "apart"),
        "rows": [str(number) for number in roster.PAGES], "window": _WINDOWS,
    }  # fmt: skip
    return tuple(
        wording.line(f"{name}={query[name]}", 60)
        for name, words in known.items()
        if query.get(name) and query[name] not in words
    )


def resolved(choice: Choice, queues: Collection[str]) -> Choice:
    """The same, with a queue that there is not taken for a part of the names of those that there are."""
    if not choice.queue or choice.queue in queues:
        return choice
    return replace(choice, queue="", queue_part=choice.queue)


def query_of(choice: Choice, **changed: Any) -> str:
    """The query of an address that asks for a choice, changed so; what is as it always is, is left out."""
    wanted = replace(choice, **{"page": 0, **changed})
    up = wanted.sort in _SORTED_UPWARDS
    given: dict[str, object] = {
        "text": wanted.text,
        "state": wanted.state if wanted.state != CHOICE.state else "",
        "queue": wanted.queue,
        "function": wanted.function,
        "groups": "" if wanted.folded else "apart",
        "sort": wanted.sort if wanted.sort != CHOICE.sort else "",
        "order": "" if wanted.descending is not up else "down" if wanted.descending else "up",
        "rows": wanted.page_size if wanted.page_size != ROWS else "",
        "window": label_of(wanted.window) if wanted.window != CHOICE.window else "",
        "page": wanted.page + 1 if wanted.page else "",
    }
    return "?" + urlencode({name: value for name, value in given.items() if value})


def turned(choice: Choice, sort: str) -> str:
    """The query for the table sorted by this; the other way round where it is sorted by it already."""
    descending = not choice.descending if sort == choice.sort else sort not in _SORTED_UPWARDS
    return query_of(choice, sort=sort, descending=descending)


def label_of(window: Window) -> str:
    """A window in an address."""
    return window.label.replace(" ", "")


def _of(query: Mapping[str, str], name: str, known: Mapping[str, object], usual: str) -> str:
    given = query.get(name, usual)
    return given if given in known else usual


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= 6 else 0  # noqa: PLR2004 - more pages than there are


def _rows(query: Mapping[str, str]) -> int:
    found = _number(query.get("rows", ""))
    return found if found in roster.PAGES else ROWS
