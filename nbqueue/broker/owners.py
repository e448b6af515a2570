"""Whose jobs are whose: what the server keeps of a notebook, or of a user in a folder.

The set of an origin holds its last OWNED jobs and groups, with the moment of their submit. A group of which the server
lists the jobs stands for them, as `group <id>`. Older ones stay for as long as they live: their score is below 0, the
moment at which a submit last looked whether they do, less CLAIMED_SCORE. Those that have ended leave in time.
"""

from __future__ import annotations

from typing import Any

from nbqueue.broker.jobs import Origin
from nbqueue.broker.keys import Keys

#: how a set begins the name of a group
GROUP = "group "


async def owned(client: Any, keys: Keys, origin: Origin) -> list[str]:
    """The jobs and groups of an origin, newest first; then older ones, of which all that live are there."""
    key = keys.owner(origin.user, origin.folder, origin.notebook)
    return [item.decode(errors="replace") for item in await client.zrange(key, 0, -1, desc=True)]
