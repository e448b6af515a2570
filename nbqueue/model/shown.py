"""What a notebook asks an object for at the end of a cell; how that is drawn is given from above."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from nbqueue.model.states import State

T = TypeVar("T")

log = logging.getLogger("nbqueue")


class Drawing(Protocol):
    """Draws values for a notebook."""

    def html(self, subject: Any, /) -> str | None:
        """A value as a static table; None where it is plain text."""
        ...

    def text(self, subject: Any, /) -> str | None:
        """The same as text; None where it is its repr."""
        ...

    def now(self, subject: Any, /) -> dict[str, str] | None:
        """What a handle stands for as it is now, as text and as HTML; None where that is not asked for here."""
        ...


#: set once at the top of the package; None: values are plain text
drawing: Drawing | None = None


def use_drawing(drawn_by: Drawing | None) -> None:
    """Draw values with this from now on; None: they are plain text."""
    global drawing  # noqa: PLW0603 - the one place where it is set
    drawing = drawn_by


class Shown:
    """Something that a notebook shows as a table. Everywhere else it is its repr."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        return None if drawing is None else _guarded(drawing.html, self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's own signature
        """At the end of a cell a table, but where the class has a repr of its own; within others the repr."""
        is_alone = not cycle and len(printer.stack) <= 1
        drawn = _guarded(drawing.text, self) if drawing is not None and is_alone else None
        printer.text(repr(self) if drawn is None else drawn)


class ShownNow:
    """A handle that a notebook shows as what it stands for at the moment; its repr asks nobody."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str] | None:
        del include, exclude  # the notebook picks what it wants
        return None if drawing is None else _guarded(drawing.now, self)


class ShownList(Shown, list[T]):
    """A list of values of one kind that a notebook shows as one table."""

    __slots__ = ("kind",)

    def __init__(self, values: Iterable[T] = (), *, kind: type[Any] = object) -> None:
        super().__init__(values)
        #: what they are, also where there are none
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        return _list_again, (list(self), self.kind)


class Log(Shown, str):
    """What a job wrote; a notebook shows its lines. It travels as the text that it is."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


class Counts(Shown, dict[State, int]):
    """How many are in which state; of a state that none is in 0."""

    def __missing__(self, state: State) -> int:
        return 0

    def __repr__(self) -> str:
        return repr({str(state): count for state, count in self.items()})

    _repr_pretty_ = Shown._repr_pretty_


def plain(text: object, most: int = 200) -> str:
    """A text for a repr: one line that steers no terminal."""
    found = "".join(each if each.isprintable() else "?" for each in str(text)[: most + 1])
    return found if len(found) <= most else f"{found[: most - 1]}…"


def _list_again(values: list[T], kind: type[Any]) -> ShownList[T]:
    return ShownList(values, kind=kind)


def _guarded(draw: Any, subject: Any) -> Any:
    """What was drawn; a drawing that fails hides nothing: the repr is shown."""
    try:
        return draw(subject)
    except Exception:
        log.exception("A %s could not be drawn.", type(subject).__name__)
        return None
