"""What a trial found before it came to no good end: its error carries that home, or its job has kept it."""

from __future__ import annotations

import logging
import pickle
import zlib
from contextlib import suppress
from dataclasses import replace

from nbqueue.evaluators.trial_parcel import SO_FAR, Report
from nbqueue.model.submitting import door

log = logging.getLogger("nbqueue")

_NAME = "_nbqueue_report"
#: an error that takes very much is sent as text alone, and then nobody can catch it
MOST_BYTES = 250_000


def carry(error: Exception, report: Report) -> None:
    """Have an error carry a report, without its sampler where that cannot be pickled or is large."""
    for each in (report, replace(report, sampler=None)):
        with suppress(Exception):  # pickling runs code of others, and an error need not take attributes
            data = pickle.dumps(each)
            if len(data) <= MOST_BYTES:
                setattr(error, _NAME, data)
                return


def carried(error: BaseException | None) -> Report | None:
    """The report that an error carries, which it then has no more; None: it carries none, or none that can be read."""
    data = None if error is None else vars(error).pop(_NAME, None)
    try:
        found = None if data is None else pickle.loads(data)  # noqa: S301 - of a verified job
    except Exception:  # noqa: BLE001 - unpickling runs code of others; the trial has failed anyway
        return None
    return found if isinstance(found, Report) else None


async def so_far(job_id: str) -> Report | None:
    """What a trial had found when its process was lost, or ended; None where nobody knows."""
    try:
        data = await door().kept(job_id, beside=SO_FAR)
        trial = None if data is None else pickle.loads(zlib.decompress(data))  # noqa: S301 - of a verified job
    except Exception:  # unpickling runs code of others; the trial is over in any case
        log.warning("What the trial of job %s had found is not known.", job_id, exc_info=True)
        return None
    return None if trial is None else Report(values=None, is_pruned=False, trial=trial)
