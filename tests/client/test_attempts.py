"""The attempts of a job, read from the history."""

import json
import time
from typing import Any

from nbqueue.client.submitter import submit
from nbqueue.model.attempts import AttemptRecord
from tests.servers import Server

#: more than one page of the history
OTHERS = 3000


def _write(client: Any, at_ms: int, *lines: dict[str, Any] | str) -> None:
    """Write an entry of the history, as of a moment."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    client.xadd("nbq:history:default", {"records": "\n".join(texts)}, id=f"{at_ms}-*")


async def test_they_are_found_between_those_of_others(server: Server) -> None:
    """Back from the history's end to the submit and no further, whatever others wrote there."""
    with server.client() as client:
        now = int(time.time() * 1000)
        old = {"job": "", "attempt": 1, "state": "failed"}
        _write(client, now - 86_400_000, *({**old, "job": f"old-{number}"} for number in range(20)))
        _write(client, now - 3_600_000, {**old, "job": "mine"})
        job = await submit(len, "abc")
        mine: dict[str, Any] = {"job": job.id, "started": now, "worker": "w", "error_type": "E"}
        _write(client, now - 3_500_000 + 3_600_000, {**mine, "attempt": 1, "state": "retried", "error": "first"})
        pipe = client.pipeline()
        for number in range(OTHERS):
            line = json.dumps({"job": f"other-{number}", "attempt": 1, "state": "succeeded", "label": job.id})
            pipe.xadd("nbq:history:default", {"records": line}, id=f"{now + 200_000}-*")
        pipe.execute()
        _write(client, now + 300_000, f'{{"job": "{job.id}"', f'["{job.id}"]', {**mine, "attempt": "many"})
        _write(client, now + 300_000, {**mine, "attempt": 2, "state": "lost", "error": 3, "started": None})
        found = await job.attempts()
    assert [(each.number, each.state, each.error) for each in found] == [(1, "retried", "first"), (2, "lost", "")]
    assert found[1] == AttemptRecord(
        number=2, state="lost", finished_at=found[1].finished_at, worker="w", error_type="E"
    )


async def test_a_line_from_before_the_submit_is_not_looked_at(server: Server) -> None:
    """An id that was used before, and forgotten, begins anew."""
    with server.client() as client:
        job = await submit(len, "abc")
        record = await job.info()
        assert record.submitted_at is not None
        client.delete("nbq:history:default")
        before = int(record.submitted_at.timestamp() * 1000) - 3_600_000
        _write(client, before, {"job": job.id, "attempt": 1, "state": "failed"})
        assert await job.attempts() == []
