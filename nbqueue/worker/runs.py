"""What a child is given to run, from an attempt."""

from __future__ import annotations

from functools import lru_cache

from nbqueue.broker.travel import signs_of
from nbqueue.children.running import Run
from nbqueue.model import families, presets, task
from nbqueue.model.options import RunIn
from nbqueue.worker.attempt import Attempt


def run_of(attempt: Attempt, run_in: RunIn, *, cpus: int = 1, blob_bytes: int = 0) -> Run:
    """The run of an attempt; code that has a slot to itself may use the processors of one."""
    claim, options, header = attempt.claim, attempt.options, attempt.header
    return Run(
        job_id=claim.job_id,
        attempt=attempt.number,
        fence=claim.fence,
        function=attempt.function,
        payload=attempt.payload,
        codec=header["codec"],
        plain=attempt.plain,
        is_batch=attempt.is_batch,
        run_in=run_in,
        isolation=attempt.isolation(run_in),
        memory_bytes=options.memory,
        timeout_s=options.timeout,
        grace_s=options.grace_before_limit_s,
        checkpoint=attempt.checkpoint,
        inputs=attempt.inputs,
        queue=claim.queue,
        label=attempt.label,
        group=claim.group,
        tags=tuple(header.get("tags", ())),
        folder=str(header.get("folder", "")),
        tries=claim.tries,
        trace=attempt.trace,
        cpus=cpus if run_in == "process" else 1,
        blob_bytes=blob_bytes,
        family=_family_of(attempt),
        kill_after_s=presets.kill_after_s(options.preset),
        asking={"policy": options.retry.to_wire(), "tries": claim.tries + 1} if options.retry.is_own else None,
    )


def _family_of(attempt: Attempt) -> str:
    """What family of process its code wants: code that travels was looked through by who sent it."""
    return families.known(attempt.header.get("family", "")) or (_registered(attempt.name) if attempt.name else "")


@lru_cache(maxsize=1_000)
def _registered(name: str) -> str:
    found = task.lookup(name)
    return families.declared(signs_of(found.fn)) if found else ""
