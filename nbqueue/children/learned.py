"""What functions turned out to load: for code that does not say of what family it is."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from nbqueue.model.families import FAMILIES, MIXED

#: functions that are remembered
MOST = 1_000


class Learned:
    """The families of functions by their labels and what was told of them, as their last runs showed them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def of(self, function: str, told: str) -> str:
        """The family of a function: what was learned, else what was told of it; empty where it is neither."""
        return self._found.get((function, told), told)

    def learn(self, function: str, told: str, loaded: AbstractSet[str]) -> None:
        """A run of it has loaded these families; that counts where nothing was told of it."""
        name = next((family.name for family in FAMILIES if family.name in loaded), "")
        if name and not told and self.of(function, told) != MIXED:
            self._keep((function, told), name)

    def refuse(self, function: str, told: str) -> bool:
        """A run of it was refused a library for what its process had loaded; whether that is news.

        It is given a process that has loaded nothing, from then on.
        """
        if self.of(function, told) == MIXED:
            return False
        self._keep((function, told), MIXED)
        return True

    def _keep(self, function: tuple[str, str], name: str) -> None:
        self._found.pop(function, None)
        self._found[function] = name
        if len(self._found) > MOST:
            del self._found[next(iter(self._found))]
