"""How scripts get into the server."""

from typing import Any

from nbqueue.broker import claims, scripts
from nbqueue.broker.claims import Finish, Report
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.jobs import Batch, submit
from nbqueue.broker.keys import Keys
from nbqueue.broker.reported import log
from nbqueue.model.options import DEFAULTS
from nbqueue.model.states import State
from tests.servers import Server

KEYS = Keys()


async def test_a_script_that_is_missing_keeps_its_place(server: Server) -> None:
    """In one round trip a report is kept before the end that stands behind it, also when only the report is unknown."""
    client: Any = open_redis(parse_url(server.url))
    try:
        await client.script_flush()
        for number in range(2):
            assert await _one_job(client, f"job-{number}", with_report=number > 0) == ("log\n" if number else "")
    finally:
        await client.aclose()


async def _one_job(client: Any, job_id: str, *, with_report: bool) -> str:
    batch = Batch(options=DEFAULTS, function="f", lane=0, jobs=[(job_id, b"x")])
    await scripts.run(client, submit(KEYS, batch))
    await scripts.run(client, claims.lease(KEYS, ["e"], begin=True))
    claim = claims.claim(
        KEYS, queue="default", queue_key=KEYS.queue("default"), engine="e", loop_room=1, process_room=0
    )
    await scripts.run(client, claim)
    calls = [claims.report(KEYS, "e", [Report(job_id, 1, log="log\n")])] if with_report else []
    finish = claims.finish(KEYS, "e", [Finish(job_id=job_id, fence=1, state=State.SUCCEEDED)])
    assert await scripts.run_all(client, [*calls, finish]) == [[True]] * (len(calls) + 1)
    return await log(client, KEYS, job_id)
