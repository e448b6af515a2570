"""A trace goes from the notebook's cell to the code in the job, through all processes between them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import nbqueue
from nbqueue.broker.envelope import peek
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import SLACK, until, wait_until
from tests.worker.exporters import install
from tests.workers import running_worker


def innermost(number: int) -> int:
    """What a job's job calls."""
    return number


def traced(number: int) -> int:
    """Code with a span of its own, in which it submits a job."""
    from opentelemetry import trace

    import nbqueue

    with trace.get_tracer("theirs").start_as_current_span("part of a job"):
        return nbqueue.submit(innermost, number).wait().wait()


def untraced(number: int) -> str:
    """Code that knows nothing of traces, and submits a job that stays where it is."""
    import nbqueue

    return nbqueue.options(queue="nowhere").submit(innermost, number).wait().id


def within() -> str:
    """A function that knows OpenTelemetry; what others keep in the trace that it belongs to."""
    from opentelemetry import trace

    return trace.get_current_span().get_span_context().trace_state.to_header()


async def awaited() -> str:
    """A coroutine function; what it says is the trace that it belongs to."""
    from nbqueue.inside import tracing

    return tracing.here()


def spanned() -> list[object]:
    """Code with a span of its own; what process it was in, and what that has imported or started."""
    import sys
    import threading

    from opentelemetry import trace

    with trace.get_tracer("theirs").start_as_current_span("part of a job"):
        threads = any("Span" in thread.name for thread in threading.enumerate())
        return [os.getpid(), "spans_to_file" in sys.modules, threads]


def killed() -> None:
    """Code that goes on after a span until the engine has it, and then is no more."""
    from opentelemetry import trace

    with trace.get_tracer("theirs").start_as_current_span("part of a job", attributes={"size": 3}) as span:
        span.set_attribute("names", ["a", "b"])
        span.set_status(trace.StatusCode.ERROR, "so it is")
        span.add_event("half", {"of": "it"})
    wait_until(lambda: "part of" in Path(os.environ["SPANS_FILE"]).read_text(), 20)
    os.kill(os.getpid(), signal.SIGKILL)


def broken() -> None:
    """A job that does not go well."""
    raise ValueError("broken")


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """What a notebook is set up with for traces: a process has one for good, and after these tests it keeps nothing."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    exporter.shutdown()


@pytest.fixture
def here(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """The spans of this process, none so far."""
    exporter.clear()
    return exporter


@pytest.fixture
def there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processes of a worker write their spans; the folder that has the exporter is beside it."""
    install(settings.home / "packages")
    for name, value in {
        "SPANS_FILE": str(settings.home / "spans"), "OTEL_TRACES_EXPORTER": "file", "OTEL_BSP_SCHEDULE_DELAY": "100",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return settings.home / "spans"


async def test_spans_go_from_the_cell_to_the_code_in_the_job(
    settings: Settings, here: InMemorySpanExporter, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt follows from its submit, code in a job from its attempt, and jobs of a job from that code.

    They go where OpenTelemetry's own variables say, of which the one for traces comes first.
    """
    for name, value in {
        "OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    nbqueue.configure(settings)
    with running_worker(settings, modules=[there.with_name("packages")]):
        with trace.get_tracer("theirs").start_as_current_span("cell") as cell:
            job = await nbqueue.submit(traced, 1)
            assert await job == 1
        found = {
            each["name"] + each["attributes"].get("code.function.name", ""): each for each in await _spans(there, 4)
        }
    [submit] = [span for span in here.get_finished_spans() if span.name == "submit default"]
    assert submit.parent is not None
    assert (submit.kind, submit.parent.span_id) == (trace.SpanKind.PRODUCER, cell.get_span_context().span_id)
    run, part = found["run defaulttraced"], found["part of a job"]
    inner_submit, inner_run = found["submit defaultinnermost"], found["run defaultinnermost"]
    assert {each["trace"] for each in found.values()} == {f"{cell.get_span_context().trace_id:032x}"}
    assert [each["parent"] for each in (run, part, inner_submit, inner_run)] == [
        _id_of(submit), run["id"], part["id"], inner_submit["id"],
    ]  # fmt: skip
    wait_s = run["attributes"].pop("nbqueue.wait_s")
    assert (run["kind"], wait_s >= 0, run["attributes"]) == ("CONSUMER", True, {
        "messaging.system": "nbqueue", "messaging.operation.name": "run", "messaging.operation.type": "process",
        "messaging.destination.name": "default", "messaging.message.id": job.id, "code.function.name": "traced",
        "nbqueue.attempt": 1, "nbqueue.state": "succeeded",
    })  # fmt: skip


async def test_what_others_keep_in_a_trace_goes_with_it(
    settings: Settings, here: InMemorySpanExporter, there: Path
) -> None:
    """A tracestate goes from the cell to the code in the job, in a process and in the engine's loop, and on from it."""
    nbqueue.configure(settings)
    with running_worker(settings, modules=[there.with_name("packages")]), _kept("vendor=a/b-c,other=1"):
        assert await (await nbqueue.submit(within)) == "vendor=a/b-c,other=1"
        assert (await (await nbqueue.submit(awaited))).partition(" ")[2] == "vendor=a/b-c,other=1"
        assert await (await nbqueue.submit(traced, 1)) == 1
        found = await _spans(there, 6)
    assert {each["state"] for each in found} == {"vendor=a/b-c,other=1"}
    assert {span.get_span_context().trace_state.to_header() for span in here.get_finished_spans()} == {  # type: ignore[union-attr]
        "vendor=a/b-c,other=1"
    }


@pytest.mark.usefixtures("here")
async def test_jobs_of_a_schedule_are_traces_of_their_own(settings: Settings, there: Path) -> None:
    """No request asked for such a job, so its span has no parent, and it names the schedule."""
    nbqueue.configure(settings)
    with running_worker(settings, modules=[there.with_name("packages")]):
        with trace.get_tracer("theirs").start_as_current_span("cell"):
            schedule = await nbqueue.schedule(nbqueue.Every(1, name="often"), innermost, 1)
        found = await _spans(there, 2)
        await schedule.delete()
    assert [(each["parent"], each["attributes"]["nbqueue.schedule"]) for each in found[:2]] == [(None, "often")] * 2
    assert len({each["trace"] for each in found[:2]}) == 2


async def test_each_attempt_is_a_span(settings: Settings, here: InMemorySpanExporter, there: Path) -> None:
    """A job that is tried again has several spans under that of its submit; what failed is an error by its type."""
    nbqueue.configure(settings)
    with running_worker(settings, modules=[there.with_name("packages")]):
        job = await nbqueue.options(retry=nbqueue.RetryPolicy(max_tries=2, base=0.01)).submit(broken)
        with pytest.raises(nbqueue.JobFailed):
            await job
        coroutine = await (await nbqueue.submit(awaited))
        found = await _spans(there, 3)
    submit = here.get_finished_spans()[0]
    failed = [each for each in found if each["attributes"]["code.function.name"] == "broken"]
    assert [(each["parent"], each["status"], each["attributes"]["error.type"]) for each in failed] == [
        (_id_of(submit), "ERROR", "ValueError")
    ] * 2
    assert [each["attributes"]["nbqueue.state"] for each in failed] == ["retried", "failed"]
    [run] = [each for each in found if each["attributes"]["code.function.name"] == "awaited"]
    assert coroutine.split("-")[1:3] == [run["trace"], run["id"]]


async def test_nobody_waits_for_a_collector_that_is_away(
    settings: Settings, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While spans cannot be sent jobs end as ever, in the same process, and so does the worker."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1", modules=[there.with_name("packages")]) as worker:
        first = await (await nbqueue.submit(spanned))
        await until(there.exists)
        second = await (await nbqueue.submit(spanned))
        worker.signal(signal.SIGTERM)
        assert (worker.exit_code(5 * SLACK), first, second) == (0, first, first)
    assert first[1:] == [False, False]


async def test_a_job_that_is_killed_leaves_its_spans(settings: Settings, there: Path) -> None:
    """What has ended is sent on while the code goes on, with all that is known of it."""
    nbqueue.configure(settings)
    with running_worker(settings, modules=[there.with_name("packages")]):
        job = await nbqueue.options(retry=1).submit(killed)
        with pytest.raises(nbqueue.JobFailed):
            await job
        found = {each["name"]: each for each in await _spans(there, 2)}
    part = found["part of a job"]
    assert (part["parent"], part["status"], part["attributes"]) == (
        found["run default"]["id"], "ERROR", {"size": 3, "names": ["a", "b"]},
    )  # fmt: skip


async def test_a_trace_goes_through_a_worker_that_has_none(
    settings: Settings, server: Server, here: InMemorySpanExporter
) -> None:
    """Where nobody traces on the worker, jobs of a job still carry the trace of its submit."""
    nbqueue.configure(settings)
    with running_worker(settings):
        inner = await (await nbqueue.submit(untraced, 1))
    [submit] = here.get_finished_spans()
    assert _trace_of(server, inner).split("-")[1:3] == [_trace_id_of(submit), _id_of(submit)]


async def test_a_retry_belongs_to_the_trace_of_its_job(
    settings: Settings, server: Server, exporter: InMemorySpanExporter
) -> None:
    """Whoever retries a job, from its handle or by its id."""
    exporter.clear()
    nbqueue.configure(settings)
    job = await nbqueue.options(queue="nowhere").submit(innermost, 1)
    before = _trace_of(server, job.id)
    await job.cancel()
    again = await job.retry()
    await again.cancel()
    third = await (await nbqueue.attach(again.id)).retry()
    assert [_trace_of(server, each.id) for each in (again, third)] == [before, before]


@contextlib.contextmanager
def _kept(state: str) -> Iterator[None]:
    """Be in a trace in which others keep something."""
    about = trace.SpanContext(7, 7, is_remote=True, trace_flags=trace.TraceFlags(1),
                              trace_state=trace.TraceState.from_header([state]))  # fmt: skip
    with trace.use_span(trace.NonRecordingSpan(about)):
        yield


def _id_of(span: ReadableSpan) -> str:
    about = span.get_span_context()
    return f"{about.span_id:016x}" if about else ""


def _trace_id_of(span: ReadableSpan) -> str:
    about = span.get_span_context()
    return f"{about.trace_id:032x}" if about else ""


def _trace_of(server: Server, job_id: str) -> str:
    """What the header of a submission says of its trace."""
    with server.client() as client:
        stored: Any = client.get(f"arq:job:{job_id}")
    return str(peek(stored)["trace"])


async def _spans(file: Path, count: int) -> list[dict[str, Any]]:
    """The spans that came, once there are so many."""

    def found() -> list[dict[str, Any]]:
        text = file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    await until(lambda: len(found()) >= count, 20)
    assert os.environ["SPANS_FILE"] == str(file)
    return found()
