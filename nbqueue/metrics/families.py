"""The metrics by their names, and what they are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from nbqueue.broker.codec import header_versions
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.broker.queues import offers as offered_to
from nbqueue.broker.tallies import Tallies
from nbqueue.metrics.buckets import BOUNDS_S
from nbqueue.metrics.causes import held_back
from nbqueue.metrics.counting import ATTEMPTS, RUNS, SUM, WAITS
from nbqueue.metrics.standing import Standing
from nbqueue.model.states import State

#: the ends of buckets as they are written
LIMITS = [*(f"{bound:g}" if bound < 1e5 else f"{bound:.0f}" for bound in BOUNDS_S), "+Inf"]  # noqa: PLR2004

#: how jobs end
ENDS = tuple(state for state in State if state.is_final)

#: labels -> value
Values = Mapping[Any, float]


def up(*, is_up: bool) -> Metric:
    """Whether the server answered; where it did not, this is all there is."""
    return _gauge("up", "Whether the server of the queue answered.", (), {(): float(is_up)})


def families(standing: Standing, tallies: Tallies) -> Iterator[Metric]:
    """All metrics but `nbqueue_up`."""
    yield from _of_queues(standing)
    yield from _of_workers(standing.engines)
    yield from _of_attempts(tallies)
    yield from _of_schedules(standing)
    yield _gauge("build_info", "The version of nbqueue that tells this.", ("version",),
                 {(str(header_versions()["v"]),): 1.0})  # fmt: skip
    yield _gauge("queues_left_out", "Queues beyond those with most jobs, of which nothing is told.", (),
                 {(): standing.left_out})  # fmt: skip
    yield _gauge("leases_lapsed", "Worker processes that show no sign of life, and whose jobs are still theirs.", (),
                 {(): standing.lapsed})  # fmt: skip
    yield _gauge("messages_due", "Messages to webhooks that wait to be sent.", (), {(): standing.words_due})
    yield _gauge("messages_given_up", "Messages to webhooks that were not heard, and are not sent again.", (),
                 {(): standing.words_unheard})  # fmt: skip
    yield _gauge("schedule_late_seconds", "How long the schedule that is late most should have been served.", (),
                 {(): standing.schedule_late_s})  # fmt: skip
    yield _gauge("attempts_uncounted", "Attempts of the history that attempts, waits and runs here are without.", (),
                 {(): _uncounted(standing, tallies)})  # fmt: skip
    if standing.memory:
        yield _gauge("server_memory_bytes", "Memory that the server holds.", (), {(): standing.memory.used_bytes})
        yield _gauge("server_memory_limit_bytes", "Memory that it may hold: its maxmemory, or its machine's.", (),
                     {(): standing.memory.limit_bytes})  # fmt: skip


def _of_queues(standing: Standing) -> Iterator[Metric]:
    found = standing.queues
    states = {(stats.name, state): count for stats in found for state, count in _by_state(stats).items()}
    offers = offered_to(standing.engines)
    held = {(stats.name, cause): count for stats in found
            for cause, count in held_back(stats, offers.get(stats.name, ())).items()}  # fmt: skip
    yield _gauge("jobs", "Jobs that wait or run. Queued: ready, or held back; blocked: wait for other jobs.",
                 ("queue", "state"), states)  # fmt: skip
    yield _gauge("jobs_ready", "Of the queued jobs those that a worker with a slot to spare would start now.",
                 ("queue",), {(stats.name,): stats.ready for stats in found})  # fmt: skip
    yield _gauge("jobs_held_back", "Of the queued jobs those that a pause, a limit or a want of something holds back.",
                 ("queue", "cause"), held)  # fmt: skip
    yield _counter("jobs_ended", "Jobs that ended, by how.", ("queue", "state"),
                   {(stats.name, state): stats.ended.get(state, 0) for stats in found for state in ENDS})  # fmt: skip
    yield _gauge("jobs_submitted_per_minute", "Jobs submitted a minute, of this one and the last.", ("queue",),
                 {(name,): count for name, count in standing.arrivals.items()})  # fmt: skip
    yield _gauge("oldest_wait_seconds", "How long the oldest job that could start has waited; 0: none waits.",
                 ("queue",), {(stats.name,): stats.oldest_s or 0.0 for stats in found})  # fmt: skip
    yield _gauge("oldest_run_seconds", "How long the job has run that has run for longest; 0: none runs.",
                 ("queue",), {(name,): seconds for name, seconds in standing.oldest_runs.items()})  # fmt: skip
    yield _gauge("queue_paused", "Whether no worker starts jobs of the queue.", ("queue",),
                 {(stats.name,): float(stats.paused) for stats in found})  # fmt: skip
    yield _gauge("queue_workers", "Worker processes that serve the queue.", ("queue",), _serving(standing))


def _by_state(stats: QueueStats) -> dict[str, int]:
    queued = stats.queued - stats.blocked
    return {"queued": queued, "blocked": stats.blocked, "scheduled": stats.scheduled, "running": stats.running}


def _serving(standing: Standing) -> Values:
    served = dict.fromkeys(((stats.name,) for stats in standing.queues), 0)
    for engine in standing.engines:
        for queue in engine.queues:
            if (queue,) in served:
                served[queue,] += 1
    return served


def _of_workers(engines: Iterable[EngineInfo]) -> Iterator[Metric]:
    sums: dict[str, dict[tuple[str, ...], float]] = defaultdict(lambda: defaultdict(float))
    for engine in engines:
        for what, value in {
            "workers": 1, "slots": engine.slots, "running": engine.running, "cpu": (engine.cpu_percent or 0) / 100,
            "memory": engine.memory_bytes or 0,
        }.items():  # fmt: skip
            sums[what][engine.host,] += value
    host = ("host",)
    yield _gauge("workers", "Worker processes that claim jobs.", host, sums["workers"])
    yield _gauge("host_slots", "Jobs with a process of their own that they can run at once.", host, sums["slots"])
    yield _gauge("host_jobs", "Jobs that they run.", host, sums["running"])
    yield _gauge("host_cpus", "Processors that they and their jobs keep busy.", host, sums["cpu"])
    yield _gauge("host_memory_bytes", "Memory that they and their jobs hold.", host, sums["memory"])


def _of_schedules(standing: Standing) -> Iterator[Metric]:
    label, found, now = ("schedule",), standing.schedules, standing.at
    yield _gauge("schedule_state", "What becomes of the schedule: 1 of its state.", ("schedule", "state"),
                 {(each.name, each.state.value): 1.0 for each in found})  # fmt: skip
    yield _gauge("schedule_last_run_timestamp_seconds", "The last time for which the schedule was run.", label,
                 {(each.name,): each.last_at.timestamp() for each in found if each.last_at})  # fmt: skip
    yield _gauge("schedule_overdue_seconds", "How long the schedule should have been served.", label,
                 {(each.name,): max((now - each.next_at).total_seconds(), 0.0)
                  for each in found if now and each.next_at})  # fmt: skip


def _of_attempts(tallies: Tallies) -> Iterator[Metric]:
    labels = ("queue", "function")
    found = {(queue, function, str(state)): float(count)
             for (measure, queue, function, state), count in tallies.counts.items() if measure == ATTEMPTS}  # fmt: skip
    # a counter begins at zero, so that the first one that is lost is seen to come
    ended = {
        (queue, function, state): 0.0 for queue, function, _ in found for state in (*ENDS, "retried", "lost")
    } | found
    yield _counter("attempts", "Attempts that ended, by how; retried: another follows, lost: their worker was.",
                   (*labels, "state"), ended)  # fmt: skip
    for name, text, measure in (
        ("wait_seconds", "How long jobs waited from when they were due until an attempt started.", WAITS),
        ("run_seconds", "How long attempts ran.", RUNS),
    ):
        family = HistogramMetricFamily(f"nbqueue_{name}", text, labels=labels)
        for pair, parts in sorted(_histograms(tallies, measure).items()):
            counts = accumulate(parts.get(number, 0) for number in range(len(LIMITS)))
            buckets = [(limit, float(count)) for limit, count in zip(LIMITS, counts, strict=True)]
            family.add_metric(pair, buckets=buckets, sum_value=parts.get(SUM, 0) / 1000)
        yield family


def _histograms(tallies: Tallies, measure: str) -> dict[tuple[str, str], dict[str | int, int]]:
    found: dict[tuple[str, str], dict[str | int, int]] = defaultdict(dict)
    for (each, queue, function, part), count in tallies.counts.items():
        if each == measure:
            found[queue, function][part] = count
    return found


def _uncounted(standing: Standing, tallies: Tallies) -> int:
    # the second number of an entry's id is how many attempts there were with it
    counted = tallies.to.partition("-")[2]
    return max(standing.attempts - int(counted), 0) if counted.isdecimal() else standing.attempts


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    return _filled(GaugeMetricFamily(f"nbqueue_{name}", text, labels=labels), values)


def _counter(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    return _filled(CounterMetricFamily(f"nbqueue_{name}", text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
