"""Resources: what jobs need and workers offer, as numbers by name and as canonical text (`gpu=1,memory_gb=8`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from nbqueue.errors import ConfigurationError
from nbqueue.model import names

#: none at all
NOTHING: Mapping[str, float] = MappingProxyType({})
#: different resources of one job or worker
MOST = 16
LEAST_AMOUNT, MOST_AMOUNT = 1e-6, 1e12
#: names that begin so are labels, of which there is always enough; see `model/labels.py`
LABEL = "+"
#: amounts that differ by less are the same: sums of fractions are not exact
TOLERANCE = LEAST_AMOUNT / 10

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}\Z")
_NAME_OR_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}\Z|\+[A-Za-z][A-Za-z0-9._:-]{0,128}\Z")
_RULE = f"a number from {LEAST_AMOUNT:f} to {MOST_AMOUNT:.0f}"


def check(value: object, what: str = "resources", *, labels: bool = False) -> dict[str, float]:
    """The amounts of an option like `{"gpu": 1}` by name, or one sentence about what is wrong with it.

    `labels`: what stands in the server may name labels, too.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f'{what}={names.shown(value)} cannot be used: give a dict such as {{"gpu": 1}}.')
    if len(value) > MOST * (1 + labels):
        raise ConfigurationError(f"{what} names {len(value)} resources: give at most {MOST}.")
    allowed = _NAME_OR_LABEL if labels else _NAME
    return {_name(name, what, allowed): _amount(name, amount, what) for name, amount in sorted(value.items(), key=str)}


def parse(text: str, what: str = "resources", *, labels: bool = False) -> dict[str, float]:
    """The amounts in a text like `gpu=1,memory_gb=8`, or one sentence about what is wrong with it."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (word.strip() for word in part.partition("="))
        if name in found:
            raise ConfigurationError(f"{what} {names.shown(text)} names {name!r} twice: give each resource once.")
        try:
            found[name] = float(number)
        except ValueError:
            raise ConfigurationError(
                f"{what} {names.shown(text)} cannot be read at {names.shown(part)}: write NAME=NUMBER with commas "
                "between, for example gpu=1,memory_gb=8."
            ) from None
    return check(found, what, labels=labels)


def canonical(amounts: Mapping[str, float]) -> str:
    """The one text of these amounts: by name, numbers as short as they can be; what is used up is left out."""
    return ",".join(f"{name}={_number(amount)}" for name, amount in sorted(amounts.items()) if amount > TOLERANCE)


@lru_cache(maxsize=256)
def known(text: str) -> Mapping[str, float]:
    """The amounts of a text that stands in the server; none where no client of ours wrote it."""
    try:
        return parse(text, labels=True) if text else NOTHING
    except ConfigurationError:
        return NOTHING


def fits(needs: Mapping[str, float], free: Mapping[str, float]) -> bool:
    """Whether there is enough of everything that is needed."""
    return all(amount <= free.get(name, 0.0) + TOLERANCE for name, amount in needs.items())


def remaining(offers: Mapping[str, float], taken: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """What is left of the offers, never less than nothing; computed from the beginning, so that no error adds up."""
    used = list(taken)
    return {name: max(offer - math.fsum(each.get(name, 0.0) for each in used), 0.0) for name, offer in offers.items()}


def _name(value: object, what: str, allowed: re.Pattern[str]) -> str:
    if isinstance(value, str) and allowed.match(value):
        return value
    raise ConfigurationError(
        f"{what} has the name {names.shown(value)}: give 1 to 64 letters, digits and . _ -, beginning with a letter."
    )


def _amount(name: object, value: object, what: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and LEAST_AMOUNT <= value <= MOST_AMOUNT:
        return float(value)
    raise ConfigurationError(f"{what} has {name}={names.shown(value)}: give {_RULE}.")


def _number(amount: float) -> str:
    return f"{amount:.6f}".rstrip("0").rstrip(".")
