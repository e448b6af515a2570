"""The command that runs a worker in the foreground."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from typing import Any

import click

from nbqueue.broker.connection import Address
from nbqueue.broker.signing import Keyring
from nbqueue.cli import archiver
from nbqueue.cli.durations import Seconds
from nbqueue.cli.reach import leave, shared_address, with_settings
from nbqueue.errors import ConfigurationError
from nbqueue.local import stack
from nbqueue.model import resources as amounts
from nbqueue.model import serving
from nbqueue.model.settings import Settings
from nbqueue.model.webhook import host_names
from nbqueue.worker import supervisor
from nbqueue.worker.config import WorkerConfig


@click.command()
@click.argument("module", required=False)
@click.option(
    "--queues", metavar="A=6,B=3",
    help="Queues to serve; a number is the weight of its share (NBQUEUE_QUEUES).  [default: default]",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Serve a queue only while those before it, or heavier, have nothing.")
@click.option(
    "--queue-concurrency", metavar="A=5,B=1", help="Jobs at once of single queues (NBQUEUE_QUEUE_CONCURRENCY)."
)
@click.option("--resources", metavar="GPU=1,B=2", help="What jobs may need of this worker (NBQUEUE_RESOURCES).")
@click.option(
    "--slots", type=click.IntRange(min=1), help="Child processes at once in each engine.  [default: one a core]"
)
@click.option("--concurrency", type=click.IntRange(min=1), default=200, show_default=True,
              help="Coroutines at once in each engine.")  # fmt: skip
@click.option("--processes", "engines", type=click.IntRange(min=1), default=1, show_default=True,
              help="Engines: processes that claim jobs, each with its slots.")  # fmt: skip
@click.option(
    "--burst", is_flag=True, help="End when nothing is left to do: no job waits for its time, a limit or its next try."
)
@click.option("--drain-timeout", "drain_timeout_s", type=Seconds(0), default=30.0, show_default=True, metavar="S",
              help="Seconds that running jobs get to finish after the first SIGTERM.")  # fmt: skip
@click.option("--only-registered", is_flag=True,
              help="Run the functions of MODULE alone, with plain data as arguments: no code travels.")  # fmt: skip
@click.option("--webhook-hosts", metavar="A,B",
              help="Hosts at which word of a job's end may be left: hooks.example.com, *.corp.example, host:8443 "
              "(NBQUEUE_WEBHOOK_HOSTS).  [default: none]")  # fmt: skip
@click.option("--webhook-private", is_flag=True,
              help="These may be on private networks or this machine (NBQUEUE_WEBHOOK_PRIVATE).")  # fmt: skip
@click.option("--webhook-tries", type=click.IntRange(min=1, max=100), default=8, show_default=True,
              help="How often word is sent that is not heard.")  # fmt: skip
@click.option("--webhook-backoff", "webhook_backoff_s", type=Seconds(0.01), default=5.0, show_default=True,
              metavar="S", help="Seconds before it is sent again, each further time four times as long.")  # fmt: skip
@click.option("--archive", "archive_folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Move attempts beyond their retention into Parquet files there, each hour.")  # fmt: skip
@click.option("--key-file", type=click.Path(path_type=Path), help="File of the signing keys (NBQUEUE_KEY_FILE).")
@with_settings
def worker(
    settings: Settings, *, module: str | None, queues: str | None, queue_concurrency: str | None,
    resources: str | None, key_file: Path | None, slots: int | None, webhook_hosts: str | None,
    archive_folder: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Run a worker until it is told to stop.

    MODULE holds functions registered with @task, or is "module:Settings" with an arq WorkerSettings class. Without one
    the worker runs what notebooks send it. Without --url it serves the local stack, which is started if need be. An arq
    class says itself which server and queue it serves; of the options --burst, --processes and --drain-timeout count for it.
    """
    # the installed command, unlike `python -m`, does not look here
    sys.path.insert(0, str(Path.cwd()))
    _check_only_registered(module, wanted=given["only_registered"])
    if module and (place := _arq_class(module)):
        _refuse_for_arq(place, queues, queue_concurrency, resources, archive_folder, strict=given["strict"])
        arq_options = {name: given[name] for name in ("burst", "engines", "drain_timeout_s")}
        _run_arq(place, **arq_options)
        return
    if module:
        _find(module)
    keys = (key_file or settings.signing_key_file).expanduser().absolute()
    # made or refused here, in one sentence, before anything is started
    Keyring.load(keys)
    if slots or settings.slots:
        given["slots"] = slots or settings.slots
    # read before anything is started, too
    given |= _served(
        queues or settings.queues or "default", strict=given["strict"],
        limits=queue_concurrency or settings.queue_concurrency, resources=resources or settings.resources,
    )  # fmt: skip
    given["webhook_private"] = given["webhook_private"] or settings.webhook_private
    hosts = settings.webhook_hosts if webhook_hosts is None else webhook_hosts
    config = WorkerConfig(
        address=_address(settings), namespace=settings.namespace, key_file=str(keys),
        modules=(module,) if module else (), limit_bytes=settings.limit_bytes, blob_bytes=settings.blob_bytes,
        webhook_hosts=host_names(hosts), is_archived=archive_folder is not None, **given,
    )  # fmt: skip
    served = f"Serving {_shown(config)} on {config.address}, {config.slots} processes at once"
    click.echo(f"{served}; Ctrl-C ends it.", err=True)
    with archiver.beside(archive_folder, settings):
        code = supervisor.main(config)
    leave(code)


def _run_arq(place: str, *, burst: bool, engines: int, drain_timeout_s: float) -> None:
    from nbqueue.worker import stock_settings

    _find(place.partition(":")[0])
    found = stock_settings.plan(place)
    if found.address is None:
        # the supervisor cannot reach this server as arq does: the worker then keeps its lease itself
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        stock_settings.load(place, **{"burst": True} if burst else {}).run()
        return
    config = WorkerConfig(
        address=found.address, modules=(place,), burst=burst, engines=engines, stall_s=found.stall_s,
        drain_timeout_s=max(drain_timeout_s, found.completion_wait_s),
    )  # fmt: skip
    click.echo(f"Serving {found.queue} on {config.address} as arq does; Ctrl-C ends it.", err=True)
    leave(supervisor.main(config))


def _refuse_for_arq(place: str, *texts: str | Path | None, strict: bool) -> None:
    """Refuse to leave out in silence what an arq class cannot be told."""
    if strict or any(texts):
        raise ConfigurationError(
            f"--queues, --strict, --queue-concurrency, --resources and --archive cannot be used with {place!r}: an arq "
            "class says itself which queue it serves."
        )


def _check_only_registered(module: str | None, *, wanted: bool) -> None:
    """Refuse to leave out in silence what was asked for."""
    if wanted and not module:
        raise ConfigurationError("--only-registered needs the MODULE whose functions are to run: give its name.")
    if wanted and module and _arq_class(module):
        raise ConfigurationError(
            f"--only-registered cannot be used with {module!r}: an arq class runs its own functions only, and loads "
            "arguments that are not signed."
        )


def _arq_class(module: str) -> str:
    """The "module:Settings" that a name stands for, arq's own "module.Settings" included; or nothing."""
    path, _, name = module.rpartition(".")
    return module if ":" in module else f"{path}:{name}" if path and name[:1].isupper() else ""


def _find(module: str) -> None:
    """Refuse a module that is not there; it is not run for this, its parents are."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ConfigurationError(f"There is no module {module!r} in {Path.cwd()} or on Python's path: check its name.")


def _address(settings: Settings) -> Address:
    return shared_address(settings.url) if settings.url is not None else stack.ensure(settings, worker=False)


def _served(queues: str, *, strict: bool, limits: str | None, resources: str | None) -> dict[str, Any]:
    """What a worker's configuration says of queues and resources."""
    weights, at_once = serving.weights(queues), serving.limits(limits or "")
    serving.check_served(at_once, weights)
    return {
        "queues": serving.by_weight(weights) if strict else tuple(weights),
        "weights": weights,
        "queue_concurrency": at_once,
        "resources": amounts.parse(resources or "", "--resources"),
    }


def _shown(config: WorkerConfig) -> str:
    """The queues, with the numbers that matter."""
    if config.strict or len(set(config.weights.values())) == 1:
        return ",".join(config.queues)
    return ",".join(f"{name}={config.weights[name]}" for name in config.queues)
