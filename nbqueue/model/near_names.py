"""Names of functions that may have been meant by one that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

#: so many are named at most, and so much of a name is compared
MOST, MOST_CHARS = 3, 200


def near(name: str, known: Collection[str]) -> list[str]:
    """The nearest of those that are known, those of the same last part first; none where the name is known."""
    if name in known:
        return []
    name = name[:MOST_CHARS]
    same = sorted(each for each in known if _last(each) == _last(name))
    return list(dict.fromkeys([*same, *get_close_matches(name, sorted(known), MOST)]))[:MOST]


def _last(name: str) -> str:
    return name.rpartition(".")[2]
