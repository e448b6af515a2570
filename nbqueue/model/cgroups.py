"""Where Linux says how much memory a container may have: names of files, of both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

#: where the groups lie
CGROUPS = Path("/sys/fs/cgroup")
#: the limit of one, in a group's folder
MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
