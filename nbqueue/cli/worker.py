"""The command that runs a worker in the foreground."""

from __future__ import annotations

import importlib.util
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from nbqueue.broker.connection import Address
from nbqueue.broker.named_key import key_path
from nbqueue.broker.signing import Keyring
from nbqueue.cli import archiver, worker_check
from nbqueue.cli.from_outside import Configured
from nbqueue.cli.reach import leave, shared_address, with_settings
from nbqueue.cli.variables import slips
from nbqueue.cli.worker_options import GROUPS, with_options
from nbqueue.errors import ConfigurationError
from nbqueue.local import stack
from nbqueue.model import labels, log_lines, serving
from nbqueue.model import resources as amounts
from nbqueue.model.log_lines import LogFormat
from nbqueue.model.scaling import Span
from nbqueue.model.settings import Settings
from nbqueue.model.webhook import host_names
from nbqueue.worker import supervisor
from nbqueue.worker.config import WorkerConfig

logger = logging.getLogger("nbqueue.worker")

#: options that count for an arq class, too
_ARQ = ("burst", "span", "drain_timeout_s", "reload", "health", "log_format")
#: and those that need an engine of ours
_NOT_ARQ = {
    "queues": "--queues", "strict": "--strict", "queue_concurrency": "--queue-concurrency", "resources": "--resources",
    "labels": "--labels", "archive_folder": "--archive", "max_jobs": "--max-jobs", "memory_bytes": "--memory",
}  # fmt: skip


class WorkerCommand(Configured):
    """Its options are many: they stand in groups, and may stand in a file."""

    groups = GROUPS


@click.command(cls=WorkerCommand)
@click.argument("module", required=False)
@with_options
@with_settings
@click.pass_context
def worker(
    ctx: click.Context, /, *, settings: Settings, module: str | None, key_file: Path | None, check: bool,
    json_wanted: bool, config: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Run a worker until it is told to stop.

    MODULE holds functions registered with @task. They are submitted by the name that stands there, as in
    @task("reports.daily"), or else by their own, without the module's. Or it is "module:Settings" with an arq
    WorkerSettings class. Without one the worker runs what notebooks send it. Without --url it serves the local stack,
    which is started if need be. An arq class says itself which server and queue it serves; of the options --burst,
    --processes, --drain-timeout, --reload, --health and --log-format count for it.

    Each option may also stand in the environment, as NBQUEUE_ and its name (NBQUEUE_DRAIN_TIMEOUT=2min), or in the file
    of --config (drain-timeout = "2min"). What the command line says comes first, then the environment, then the file.
    """
    del config  # it was read before
    if check:
        worker_check.run(settings, _named(ctx, given), json_wanted=json_wanted)
        return
    if json_wanted:
        raise ConfigurationError("--json is for --check, which changes nothing: give both, or leave it out.")
    # the installed command, unlike `python -m`, does not look here
    sys.path.insert(0, str(Path.cwd()))
    _check_only_registered(module, wanted=given["only_registered"])
    if module and (place := _arq_class(module)):
        _refuse_for_arq(place, ctx)
        _run_arq(place, **{name: given[name] for name in _ARQ})
        return
    if module:
        _find(module)
    keys = key_path(settings, key_file)
    # made or refused here, in one sentence, before anything is started
    Keyring.load(keys)
    for slip in slips():
        click.echo(f"nbqueue: {slip}", err=True)
    folder = given.pop("archive_folder")
    # read before anything is started, too
    told = _told(given)
    asked = WorkerConfig(
        address=_address(settings), namespace=settings.namespace, key_file=str(keys),
        modules=(module,) if module else (), limit_bytes=settings.limit_bytes, blob_bytes=settings.blob_bytes,
        is_archived=folder is not None, **told,
    )  # fmt: skip
    config_ = asked.without_idle()
    if (fewer := config_.span.most) < asked.span.most:
        click.echo(
            f"--processes {asked.span.most} is more than the limits of --queue-concurrency leave work for: there "
            f"{'is 1 engine' if fewer == 1 else f'are {fewer} engines'}.", err=True,
        )  # fmt: skip
    served = f"Serving {_shown(config_)} on {config_.address}, {_at_once(config_)}"
    _say(f"{served}; Ctrl-C ends it.", config_.log_format)
    with archiver.beside(folder, settings, partial(_say, log_format=config_.log_format)):
        code = supervisor.main(config_)
    leave(code)


def _told(given: dict[str, Any]) -> dict[str, Any]:
    """What a worker's configuration takes of the options: texts are read, and what was not given is left out."""
    weights, at_once = serving.weights(given["queues"]), serving.limits(given["queue_concurrency"])
    serving.check_served(at_once, weights)
    read = {
        "queues": serving.by_weight(weights) if given["strict"] else tuple(weights),
        "weights": weights,
        "queue_concurrency": at_once,
        "resources": amounts.parse(given["resources"], "--resources"),
        "labels": labels.parse(given["labels"], "--labels"),
        "webhook_hosts": host_names(given["webhook_hosts"]),
    }
    return {name: value for name, value in {**given, **read}.items() if value is not None}


def _named(ctx: click.Context, given: dict[str, Any]) -> tuple[str, ...]:
    """The queues that were named somewhere; none where it is only the default."""
    if ctx.get_parameter_source("queues") is click.core.ParameterSource.DEFAULT:
        return ()
    return tuple(serving.weights(given["queues"]))


def _at_once(config: WorkerConfig) -> str:
    """How many jobs it runs in processes, in words."""
    least, most = (number * config.slots for number in config.span)
    return f"{least} processes at once" if least == most else f"{least} to {most} processes at once"


def _run_arq(
    place: str, *, burst: bool, span: Span, drain_timeout_s: float, reload: bool, health: str, log_format: LogFormat
) -> None:  # fmt: skip
    from nbqueue.worker import stock_settings

    _find(place.partition(":")[0])
    found = stock_settings.plan(place)
    if found.address is None:
        # the supervisor cannot reach this server as arq does: the worker then keeps its lease itself
        log_lines.set_up(log_format)
        stock_settings.load(place, **{"burst": True} if burst else {}).run()
        return
    config = WorkerConfig(
        address=found.address, modules=(place,), burst=burst, span=span, stall_s=found.stall_s,
        reload=reload, health=health, log_format=log_format,
        drain_timeout_s=max(drain_timeout_s, found.completion_wait_s),
    )  # fmt: skip
    _say(f"Serving {found.queue} on {config.address} as arq does; Ctrl-C ends it.", log_format)
    leave(supervisor.main(config))


def _say(text: str, log_format: LogFormat) -> None:
    """Tell whoever started it; where programs read its log, as a record of that."""
    if log_format == "json":
        log_lines.set_up(log_format)
        logger.info("%s", text)
    else:
        click.echo(text, err=True)


def _refuse_for_arq(place: str, ctx: click.Context) -> None:
    """Refuse to leave out in silence what an arq class cannot be told."""
    default = click.core.ParameterSource.DEFAULT
    if found := [option for name, option in _NOT_ARQ.items() if ctx.get_parameter_source(name) is not default]:
        raise ConfigurationError(
            f"{' and '.join(found)} cannot be used with {place!r}: an arq class says itself which queue it serves, and "
            "runs its own functions only."
        )
    if ctx.params["span"].least != ctx.params["span"].most:
        raise ConfigurationError(f"--processes takes one number with {place!r}: who serves arq's queue follows none.")


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


def _shown(config: WorkerConfig) -> str:
    """The queues, with the numbers that matter."""
    if config.strict or len(set(config.weights.values())) == 1:
        return ",".join(config.queues)
    return ",".join(f"{name}={config.weights[name]}" for name in config.queues)
