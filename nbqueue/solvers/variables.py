"""The variables of a model, as hints are judged by them: what they are called, where they are, what they may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: first and last of values that follow one another
Span = tuple[float, float]
#: from here on a number stands for infinity
_ENDLESS = 1e18
#: so many spans are told; others are not
_TOLD = 3
#: values of solvers are so exact, relative to the larger of 1 and themselves
_EXACT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """Those of one model."""

    #: what they are called, in the model's order; "" where they have no name
    names: Sequence[str]
    #: the place of a variable in the model that it is of; None for anything else
    place: Callable[[Any], int | None]
    #: what a variable is called in the model that it is of; None where that is not known
    called: Callable[[Any], str | None]
    #: the values that a variable may have, by its place
    spans: Callable[[int], Sequence[Span]]

    def title(self, place: int) -> str:
        """What the variable at this place is called in a sentence."""
        return self.names[place] or f"variable {place}"


def allows(spans: Sequence[Span], value: float) -> bool:
    """Whether a value is one of these, as exactly as solvers are; whole numbers are not asked for."""
    near = _EXACT * max(1.0, abs(value))
    return any(first - near <= value <= last + near for first, last in spans)


def words(spans: Sequence[Span]) -> str:
    """The spans as a sentence has them."""
    told = " or ".join(map(_in_words, spans[:_TOLD]))
    return f"{told} or others" if len(spans) > _TOLD else told


def _in_words(span: Span) -> str:
    first, last = span
    if first == last:
        return f"{first:.10g}"
    if last >= _ENDLESS:
        return f"at least {first:.10g}"
    return f"at most {last:.10g}" if first <= -_ENDLESS else f"{first:.10g} to {last:.10g}"
