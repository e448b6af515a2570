"""What to do about a common lack, in the words that every face uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbqueue.model import labels
from nbqueue.model.job import JobRecord
from nbqueue.model.resources import fits, known
from nbqueue.model.settings import Settings

#: what the workers that serve a queue offer of resources, an entry each, by queue
Offers = Mapping[str, Sequence[Mapping[str, float]]]

#: how long a job waits before it is asked whether anybody will run it
PATIENCE_S = 2.0
#: the local stack starts its worker with the first submit, which takes longer on a busy machine
LOCAL_PATIENCE_S = 10.0
LOCAL_QUEUE = "default"
#: what is lacking stands before it, what to do behind it
_HELPS = ": start one with "


def lack(record: JobRecord, offers: Offers) -> str:
    """What a job that waits will not get from the workers there are, and what helps; nothing where there is no such."""
    if record.waits_for_worker and record.queue not in offers:
        return no_worker(record.queue)
    if record.waits_for_resources:
        needs = known(record.needs)
        if not any(fits(needs, each) for each in offers.get(record.queue, ())):
            return no_resources(record.queue, record.needs)
    return ""


def patience_s(settings: Settings, queue: str) -> float:
    """For how long a job may wait in a queue of this server before it is worth a question."""
    return LOCAL_PATIENCE_S if settings.url is None and queue == LOCAL_QUEUE else PATIENCE_S


def in_short(sentence: str) -> str:
    """What is lacking, without what helps."""
    return sentence.partition(_HELPS)[0]


def no_worker(queue: str) -> str:
    """Nobody runs the jobs of a queue."""
    return f'no worker serves queue "{queue}"{_HELPS}nbqueue worker --queues {queue}'


def no_resources(queue: str, needs: str) -> str:
    """Those who run the jobs of a queue do not have what one needs."""
    return (
        f'no worker that serves queue "{queue}" offers {labels.in_words(needs)}{_HELPS}'
        f"nbqueue worker --queues {queue} {labels.options(needs)}"
    )
