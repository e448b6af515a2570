"""What a child is given to run, from an attempt."""

from __future__ import annotations

from nbqueue.children.running import Run
from nbqueue.model import presets
from nbqueue.model.options import RunIn
from nbqueue.worker.attempt import Attempt


def run_of(attempt: Attempt, run_in: RunIn) -> Run:
    """The run of an attempt."""
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
        kill_after_s=presets.kill_after_s(options.preset),
        asking={"policy": options.retry.to_wire(), "tries": claim.tries + 1} if options.retry.is_own else None,
    )
