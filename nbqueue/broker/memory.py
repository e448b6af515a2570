"""The memory of the server: how much it holds, and how much it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

#: from this share on people are warned, and from this one on the oldest history goes whatever its retention
SCARCE, PRESSED = 0.8, 0.9
#: below this share a warning that was given counts as over
CALM = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMemory:
    """How full the server is."""

    used_bytes: int
    #: its `maxmemory`, or else the memory of its machine
    limit_bytes: int
    #: whether it refuses to store what goes beyond
    is_limited: bool

    @property
    def share(self) -> float:
        """Of what it may hold, from 0 to 1."""
        return self.used_bytes / self.limit_bytes

    @property
    def warning(self) -> str:
        """A sentence where it is nearly full; else nothing."""
        if self.share < SCARCE:
            return ""
        return (
            f"The server holds {self.used_bytes / 1e6:,.0f} MB of the {self.limit_bytes / 1e6:,.0f} MB it may "
            f"({self.share:.0%}): keep less history or results, clear what is not needed, or give it more."
        )


async def memory(client: Any) -> StoreMemory | None:
    """How full the server is; None where it does not say."""
    try:
        found = await client.info("memory")
        limit = int(found["maxmemory"]) or int(found["total_system_memory"])
        return StoreMemory(used_bytes=int(found["used_memory"]), limit_bytes=limit, is_limited=bool(found["maxmemory"]))
    except (ResponseError, KeyError, ValueError, ZeroDivisionError):
        return None
