"""What functions turned out to load: for code that does not say of what family it is."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from nbqueue.model.families import FAMILIES, MIXED

#: functions that are remembered
MOST = 1_000


class Learned:
    """The families of functions by their labels, as their last runs showed them."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def of(self, function: str) -> str:
        """The family of a function; empty where nothing was learned of it."""
        return self._found.get(function, "")

    def learn(self, function: str, loaded: AbstractSet[str], *, refused: bool) -> None:
        """A run of it has loaded these families, or was refused one for what its process had loaded before.

        Who was refused is given a process that has loaded nothing, from then on.
        """
        name = MIXED if refused else next((family.name for family in FAMILIES if family.name in loaded), "")
        if not name or self._found.get(function) == MIXED:
            return
        self._found.pop(function, None)
        self._found[function] = name
        if len(self._found) > MOST:
            del self._found[next(iter(self._found))]
