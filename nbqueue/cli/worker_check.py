"""`nbqueue worker --check`: whether a worker of this machine serves, as the server knows it. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nbqueue.broker import queues
from nbqueue.broker.queues import EngineInfo
from nbqueue.cli import tables
from nbqueue.cli.lacking_keys import lack
from nbqueue.cli.reach import asking, leave
from nbqueue.cli.spoken import EXIT_NOT_RUNNING
from nbqueue.model.settings import Settings
from nbqueue.worker.machine import machine_id


def run(settings: Settings, wanted: Sequence[str], *, json_wanted: bool) -> None:
    """Say it, with exit code 3 where none does.

    Args:
        settings: where the server is.
        wanted: queues that one worker must serve; none: whichever.
        json_wanted: for a script.
    """
    found = asking(settings, lambda server: server.ask(lambda client: queues.engines(client, server.keys)))
    here = [engine for engine in found if engine.machine == machine_id() and set(wanted) <= set(engine.queues)]
    able = [engine for engine in here if not engine.lacked_key and not engine.draining]
    if json_wanted:
        tables.print_json({"serving": bool(able), "engines": here})
    else:
        click.echo(_unable(here) if here and not able else _sentence(able, wanted), err=not able)
    if not able:
        leave(EXIT_NOT_RUNNING)


def _unable(engines: Sequence[EngineInfo]) -> str:
    """Of workers that are there and not ready, as GET /ready says it."""
    if all(engine.draining for engine in engines):
        running = sum(engine.running for engine in engines)
        jobs = f"{running} job{'' if running == 1 else 's'}"
        return f"nbqueue: The worker of this machine was told to end: it takes no more jobs, and finishes {jobs}."
    lacked = ", ".join(dict.fromkeys(engine.lacked_key for engine in engines if engine.lacked_key))
    return f"nbqueue: The worker of this machine {lack(lacked)}."


def _sentence(engines: Sequence[EngineInfo], wanted: Sequence[str]) -> str:
    served = ",".join(wanted or dict.fromkeys(name for engine in engines for name in engine.queues))
    if not engines:
        return f"nbqueue: No worker of this machine serves {served or 'any queue'}: start one with `nbqueue worker`."
    count, running = len(engines), sum(engine.running for engine in engines)
    many = f"{count} engine{'s' if count > 1 else ''}"
    return f"A worker of this machine serves {served}: {many}, {running} job{'' if running == 1 else 's'} running."
