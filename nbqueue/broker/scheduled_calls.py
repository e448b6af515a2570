"""The sealed call of a schedule, and the jobs that are made of it: by a worker at each time, by a client at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.hook import written
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS, Batch, Origin, submit
from nbqueue.broker.keys import Keys
from nbqueue.broker.parcels import LARGE_BYTES, leave
from nbqueue.broker.scripts import run
from nbqueue.broker.signing import Keyring
from nbqueue.errors import TamperedPayload
from nbqueue.model import kept_options
from nbqueue.model.options import Options
from nbqueue.model.times import Times, from_wire

KIND = "schedule"
#: jobs and bytes of one round trip
CHUNK_JOBS, CHUNK_BYTES = 500, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCall:
    """What a schedule submits, and when: what a holder of the key signed."""

    name: str
    function: str
    times: Times
    options: Options
    #: the header of its jobs, without their id; the versions in it are those of whoever scheduled it
    header: Mapping[str, Any]
    payload: bytes

    def sealed(self, keyring: Keyring, keys: Keys) -> bytes:
        """The call as it is kept in the server."""
        header = {
            "kind": KIND, "ns": keys.namespace, "id": self.name, "fn": self.function, "times": self.times.to_wire(),
            "options": kept_options.to_plain(self.options), "job": dict(self.header),
        }  # fmt: skip
        return seal(keyring, header, self.payload)

    @classmethod
    def opened(cls, keyring: Keyring, keys: Keys, name: str, function: str, blob: bytes) -> ScheduledCall:
        """The call of a schedule. Raises TamperedPayload for one that was not signed for this name and function."""
        found, payload = open_sealed(keyring, blob, kind=KIND, namespace=keys.namespace, job_id=name, function=function)
        try:
            return cls(
                name=name, function=function, times=from_wire(found["times"], name),
                options=kept_options.from_plain(found["options"]), header=dict(found["job"]), payload=payload,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise TamperedPayload(f"The call of schedule {name} cannot be understood: {error!r}.") from error

    async def submit(self, client: Any, keys: Keys, keyring: Keyring, job_ids: Sequence[str]) -> list[str]:
        """Submit a job for each id; per job what `jobs.submit` answers: its state, or that it is known."""
        chunk = max(1, min(CHUNK_JOBS, CHUNK_BYTES // (len(self.payload) + 1)))
        hook = written(keyring, keys.namespace, self.options.webhook_url)
        replies: list[str] = []
        for start in range(0, len(job_ids), chunk):
            sealed = [(each, await self._job(client, keys, keyring, each)) for each in job_ids[start : start + chunk]]
            replies += await run(client, submit(keys, self._batch(sealed, hook)))
        return replies

    async def _job(self, client: Any, keys: Keys, keyring: Keyring, job_id: str) -> bytes:
        """The submission of one job; nothing in its place where it was sent by itself, because it is large."""
        header = {**self.header, "id": job_id, "schedule": self.name}
        if len(self.payload) <= LARGE_BYTES // 2:
            return seal(keyring, header, self.payload)
        blob = await asyncio.to_thread(seal, keyring, header, self.payload)
        await leave(client, keys, job_id, 0, blob)
        return b""

    def _batch(self, sealed: Sequence[tuple[str, bytes]], hook: str) -> Batch:
        by = {name: str(self.header.get(name, "")) for name in ("user", "folder", "notebook")}
        lane = LANE_PROCESS if self.header.get("lane") == "process" else LANE_LOOP
        return Batch(
            options=self.options, function=self.function, lane=lane, by_name=self.header.get("by") == "name",
            jobs=sealed, origin=Origin(**by), hook=hook,
        )  # fmt: skip


def tag(name: str) -> str:
    """The tag that jobs of a schedule have."""
    return f"schedule:{name}"


def job_id(name: str, at: datetime) -> str:
    """The id of a schedule's job for a time: whoever submits it second is told that it is known."""
    fraction = f".{at.microsecond // 1000:03}" if at.microsecond else ""
    return f"{name}@{at:%Y%m%dT%H%M%S}{fraction}Z"
