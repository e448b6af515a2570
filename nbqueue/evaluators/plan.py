"""How the items of an evaluation are gone through."""

from __future__ import annotations

from dataclasses import dataclass

from nbqueue.evaluators.counts import check_count
from nbqueue.model import durations, limits, retry
from nbqueue.model.limits import Limit
from nbqueue.model.names import check_text
from nbqueue.model.retry import MAX_TRIES, RetryPolicy

#: more is meant for nothing
MOST_ITEMS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How fast and how often."""

    #: what the evaluation is called
    name: str
    #: calls at once
    concurrency: int
    #: how many calls of the task may begin in a time
    limit: Limit
    #: when a call that failed is made again
    retry: RetryPolicy
    #: seconds for one call of the task, or of a scorer
    item_timeout_s: float | None = None
    #: it ends when more items than this failed; None: however many do
    max_errors: int | None = None
    #: tells its scorers from others; empty: not known
    scored_by: str = ""


def plan(
    *, name: str, concurrency: int, rate: str | None, retries: int | RetryPolicy, item_timeout: object,
    max_errors: int | None, scored_by: str,
) -> Plan:  # fmt: skip
    """The plan of these options, each checked."""
    return Plan(
        name=check_text(name, "name", least=1),
        concurrency=limits.check_concurrency(concurrency),
        limit=limits.limit(rate),
        retry=_policy(retries),
        item_timeout_s=None if item_timeout is None else durations.seconds(item_timeout, "item_timeout", least=0.001),
        max_errors=None if max_errors is None else check_count(max_errors, "max_errors", MOST_ITEMS),
        scored_by=scored_by,
    )


def _policy(retries: int | RetryPolicy) -> RetryPolicy:
    if isinstance(retries, RetryPolicy):
        return retries
    return retry.policy(check_count(retries, "retries", MAX_TRIES - 1) + 1)
