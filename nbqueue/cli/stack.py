"""Commands for the local stack and the state of the whole: up, down, status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from nbqueue.broker import queues, retention
from nbqueue.broker.memory import StoreMemory, memory
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.broker.retention import Archived
from nbqueue.cli import lacking_keys, tables
from nbqueue.cli.durations import Seconds
from nbqueue.cli.reach import Server, as_json, asking, leave, running_address, with_settings
from nbqueue.cli.spoken import EXIT_NOT_RUNNING
from nbqueue.display import wording
from nbqueue.errors import BrokerUnavailable, ConfigurationError, LocalStackError
from nbqueue.local import stack
from nbqueue.model.resources import canonical
from nbqueue.model.settings import Settings
from nbqueue.model.states import State


@click.command()
@as_json
@with_settings
def up(settings: Settings, *, json_wanted: bool) -> None:
    """Start the local stack: a server and its worker.

    Both outlive this command, and end after an hour without clients and jobs (NBQUEUE_IDLE_STOP_S).
    """
    _refuse_url(settings, "up", "starts")
    stack.ensure(settings)
    found = stack.status(settings)
    if json_wanted:
        tables.print_json(found)
    else:
        click.echo(
            f"The local stack runs: server {found.server.version} on {found.server.socket}, files in {settings.home}."
        )


@click.command()
@click.option("--timeout", "timeout_s", type=Seconds(0.1), default=10.0, show_default=True, metavar="S",
              help="Seconds that running jobs and the server get to end.")  # fmt: skip
@as_json
@with_settings
def down(settings: Settings, *, timeout_s: float, json_wanted: bool) -> None:
    """Stop the local stack.

    Waiting jobs stay in its journal and run after the next `up` or submit. So do those that run and do not end in time:
    they run again, from their beginning or their last checkpoint. Who waits for one goes on waiting.
    """
    _refuse_url(settings, "down", "stops")
    before = stack.stop(settings, timeout_s=timeout_s)
    if json_wanted:
        tables.print_json({"stopped": before.server.running, "before": before})
    else:
        click.echo(
            f"The local stack has stopped. {stack.KEPT}"
            if before.server.running
            else f"No local stack ran in {settings.home}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The server as a whole."""

    #: where it is
    server: str
    #: its queues
    queues: list[QueueStats]
    #: the engines that hold a lease
    engines: list[EngineInfo]
    #: of the server; None where it does not say
    memory: StoreMemory | None = None
    #: where the history is archived; None where it is not
    archive: Archived | None = None


@click.command()
@as_json
@with_settings
def status(settings: Settings, *, json_wanted: bool) -> None:
    """Show server, queues and workers.

    Exit code 3 where no server answers.
    """
    local = stack.status(settings) if settings.url is None else None
    try:
        address = running_address(settings)
        found = asking(settings, lambda server: _overview(server, str(address)), address=address)
    except (BrokerUnavailable, LocalStackError) as error:
        _say_down(str(error), json_wanted=json_wanted)
        return
    if json_wanted:
        tables.print_json({"running": True, "overview": found, "local": local})
        return
    tables.print_facts(_facts(found, local))
    if found.memory is not None and found.memory.warning:
        click.echo(f"nbqueue: {found.memory.warning}", err=True)
    for each in lacking_keys.findings(found.queues, found.engines):
        click.echo(f"nbqueue: {each.said}", err=True)
    click.echo()
    tables.print_table(QUEUE_HEADINGS, map(_queue_row, found.queues), empty="No job was submitted so far.")
    click.echo()
    tables.print_table(ENGINE_HEADINGS, map(_engine_row, found.engines), empty=_nobody(local))


QUEUE_HEADINGS = ("QUEUE", "QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "OTHER ENDS", "IS")
ENGINE_HEADINGS = ("WORKER", "HOST", "PID", "QUEUES", "RUNNING", "CPU", "MEMORY", "OFFERS", "PYTHON", "STARTED")


async def _overview(server: Server, address: str) -> Overview:
    engines = await server.ask(lambda client: queues.engines(client, server.keys))
    return Overview(
        server=address, queues=await server.queue_stats(), engines=engines, memory=await server.ask(memory),
        archive=await server.ask(lambda client: retention.archived(client, server.keys)),
    )  # fmt: skip


def _say_down(reason: str, *, json_wanted: bool) -> None:
    if json_wanted:
        tables.print_json({"running": False, "reason": reason})
    else:
        click.echo(f"nbqueue: {reason}", err=True)
    leave(EXIT_NOT_RUNNING)


def _facts(found: Overview, local: stack.StackStatus | None) -> dict[str, Any]:
    history = {} if found.archive is None else {"history": wording.line(found.archive, tables.TEXT_LIMIT)}
    if local is None:
        return {"server": found.server, **history}
    server, up_s = local.server, tables.span_since(local.server.since)
    return {
        "server": f"{found.server}, version {server.version}",
        "process": f"{server.pid}, up {up_s}, {tables.size(server.memory_bytes)}",
        "files": server.folder,
        "worker": _local_worker(local, serves=bool(found.engines)),
        "worker's log": local.worker.log_file,
        **history,
    }


def _local_worker(local: stack.StackStatus, *, serves: bool) -> str:
    """Its process, and that it is on its way where no engine of it serves yet: its keeper starts it."""
    words = [f"process {local.worker.pid}" if local.worker.running else "", "" if serves else _coming(local)]
    return ", ".join(filter(None, words)) or "does not run"


def _coming(local: stack.StackStatus | None) -> str:
    return "starting" if local is not None and (local.worker.running or local.keeper.running) else ""


def _nobody(local: stack.StackStatus | None) -> str:
    """What is said where no engine serves."""
    return "The worker is starting; its log says what keeps it." if _coming(local) else "No worker runs."


def _queue_row(item: QueueStats) -> tuple[object, ...]:
    shown = {State.SUCCEEDED, State.FAILED}
    other = sum(number for state, number in item.ended.items() if state not in shown)
    ended = (item.ended.get(State.SUCCEEDED, 0), item.ended.get(State.FAILED, 0), other)
    return (item.name, item.queued, item.scheduled, item.running, *ended, item.standing)


def _engine_row(item: EngineInfo) -> tuple[object, ...]:
    if not item.host:
        # it holds its lease, and says what it serves as soon as it does
        return (item.id, item.host, item.pid or "", "starting", *[""] * 6)
    running = f"{item.running} of {item.slots} slots" if item.slots else item.running
    if item.draining:
        running = f"{running}, draining"
    served = ",".join(item.queues)
    offers = ",".join(filter(None, (canonical(item.resources), *item.labels)))
    cpu = "" if item.cpu_percent is None else f"{item.cpu_percent:.0f}%"
    memory = tables.size(item.memory_bytes)
    return (
        item.id,
        item.host,
        item.pid,
        served,
        running,
        cpu,
        memory,
        offers,
        item.python,
        tables.ago(item.started_at),
    )


def _refuse_url(settings: Settings, name: str, does: str) -> None:
    if settings.url is not None:
        raise ConfigurationError(
            f"`nbqueue {name}` {does} the local stack, but a server is given by --url or NBQUEUE_URL: leave it out. "
            "Servers elsewhere are not ours to start or stop."
        )
