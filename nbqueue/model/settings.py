"""Settings: from the environment, a .env file of the folder, and arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from nbqueue.errors import ConfigurationError, NotSendable
from nbqueue.model import durations, labels, names, resources, scaling, serving
from nbqueue.model.other_names import unknown_option

MEBIBYTE = 2**20
#: smaller pieces of a pickle are not told apart
LEAST_BLOB_BYTES = 65_536
#: what may take the place of a server that cannot be reached
FALLBACKS = ("", "inline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the server is and what is allowed. Nothing here is secret in its repr."""

    #: redis://, rediss://, unix://, or inline: to run jobs in this process; None: the local stack
    url: str | None = field(default=None, repr=False)
    #: the signing key's file; None: <home>/signing.key
    key_file: Path | None = None
    #: the folder of the local stack; NBQUEUE_HOME or the user's data folder if not given
    home: Path = field(default_factory=lambda: _home())  # noqa: PLW0108 - it is defined below
    #: keys of different namespaces never touch
    namespace: str = ""
    #: a payload over this many bytes is warned about
    warn_bytes: int = 10_000_000
    #: a payload over this many bytes is refused
    limit_bytes: int = 100_000_000
    #: pieces of arguments from this many bytes on (at least 65,536) are stored once for all jobs that have them
    blob_bytes: int = 100_000
    #: seconds until an unreachable server is reported
    connect_timeout_s: float = 5.0
    #: seconds without clients and jobs after which the local stack ends itself; 0: never
    idle_stop_s: float = 3600.0
    #: processes at once that the local worker gives to sync functions; None: one a core
    slots: int | None = None
    #: queues that the local worker serves, with weights: "critical=6,default=3,low=1"; None: default
    queues: str | None = None
    #: jobs at once of single queues in the local worker: "contracts=5,messages=1"
    queue_concurrency: str | None = None
    #: what jobs may need of the local worker: "gpu=1,memory_gb=8"
    resources: str | None = None
    #: what jobs may ask of the local worker that is not used up: "gpu,site=berlin"
    labels: str | None = None
    #: processes of the local worker that claim jobs: "2", or the least and the most, "1:8"; None: 1
    processes: str | None = None
    #: the embedded server stores no more than this; None: a quarter of the memory, at least 256 MB
    server_memory_bytes: int | None = None
    #: what a submit does where no server can be reached: "" says so, "inline" runs jobs in this process, with a warning
    fallback: str = ""
    #: hosts that workers leave word at, with commas between them; empty: none
    webhook_hosts: str = ""
    #: whether these may be on private networks or this machine
    webhook_private: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; paths may come as text, sizes as text such as "10MB"."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None or name in _NEEDED:
                object.__setattr__(self, name, check(value, name))
        names.check_namespace(self.namespace)
        serving.weights(self.queues or "default", "NBQUEUE_QUEUES")
        serving.limits(self.queue_concurrency or "", "NBQUEUE_QUEUE_CONCURRENCY")
        resources.parse(self.resources or "", "NBQUEUE_RESOURCES")
        labels.parse(self.labels or "", "NBQUEUE_LABELS")
        scaling.span(self.processes or "1", "NBQUEUE_PROCESSES")
        if self.fallback not in FALLBACKS:
            raise ConfigurationError(
                f'fallback={self.fallback!a} is not known: it is "inline", or nothing (NBQUEUE_FALLBACK).'
            )

    def __reduce__(self) -> NoReturn:
        """A URL with its password does not go into a pickle."""
        raise NotSendable("Settings cannot be sent: read them from the environment where they are needed.")

    @property
    def is_inline(self) -> bool:
        """Whether jobs run in this process."""
        return self.url is not None and self.url.lower().startswith("inline:")

    @property
    def signing_key_file(self) -> Path:
        """The file that holds the signing keys."""
        return self.key_file or self.home / "signing.key"


def load_settings(environ: Mapping[str, str] | None = None, folder: Path | None = None, **given: Any) -> Settings:
    """The settings in force: arguments, then the environment, then the folder's .env, then defaults."""
    environment = variables(environ, folder)
    found: dict[str, Any] = {}
    for item in fields(Settings):
        variable = "NBQUEUE_" + item.name.upper()
        if text := environment.get(variable):
            check = _CHECKS.get(item.name, _text)
            found[item.name] = check(_parsed(item.name, text, variable), variable)
    known = [item.name for item in fields(Settings)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise unknown_option("Setting {} is not known", unknown[0], known, "the settings are")
    found.update({name: value for name, value in given.items() if value is not None})
    if "home" not in found:
        found["home"] = default_home(environment)
    return Settings(**found)


def default_home(variables: Mapping[str, str]) -> Path:
    """The folder of the local stack when NBQUEUE_HOME is not set: the user's data folder."""
    if variables.get("XDG_DATA_HOME"):
        return Path(variables["XDG_DATA_HOME"]) / "nbqueue"
    try:
        return Path(variables.get("HOME") or "~").expanduser() / ".local" / "share" / "nbqueue"
    except RuntimeError:
        raise ConfigurationError(
            "This user has neither a HOME nor a name: set NBQUEUE_HOME to a folder of your own."
        ) from None


def _home() -> Path:
    """The folder that `load_settings` would take."""
    environment = variables()
    text = environment.get("NBQUEUE_HOME")
    return _path(text, "NBQUEUE_HOME") if text else default_home(environment)


def variables(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Mapping[str, str]:
    """The environment, and what the folder's .env file has besides; of this process and its folder, if not given."""
    return {**_dotenv(folder or Path.cwd()), **(os.environ if environ is None else environ)}


def _parsed(name: str, text: str, variable: str) -> Any:
    """A value as the environment has it; what is no number is left to the checks of `Settings`."""
    if name == "webhook_private":
        if (found := _FLAGS.get(text.strip().lower())) is None:
            raise ConfigurationError(f"{variable}={names.shown(text)} cannot be used: give {', '.join(_FLAGS)}.")
        return found
    for number in (int, float):
        try:
            return number(text) if name in _NUMBERS else text
        except ValueError:
            continue
    return text


def _path(value: object, name: str) -> Path:
    if isinstance(value, str) and value:
        try:
            return Path(value).expanduser().absolute()
        except RuntimeError:
            raise ConfigurationError(
                f"{name}={names.shown(value)} cannot be used: this machine knows no home of that user. Give the "
                "whole path."
            ) from None
    if isinstance(value, Path):
        return value
    raise ConfigurationError(f"{name}={names.shown(value)} cannot be used: give a path.")


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    raise ConfigurationError(f"{name}={names.shown(value)} cannot be used: give text.")


def _flag(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigurationError(f"{name}={names.shown(value)} cannot be used: give True or False.")


def _count(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ConfigurationError(f"{name}={names.shown(value)} cannot be used: give a whole number from 1 on.")


def _blob_bytes(value: object, name: str) -> int:
    found = durations.size_bytes(value, name)
    if found >= LEAST_BLOB_BYTES:
        return found
    raise ConfigurationError(
        f"{name}={names.shown(value)} cannot be used: give {LEAST_BLOB_BYTES:,} bytes or more, as smaller pieces "
        "are not told apart."
    )


#: how the environment says yes and no
_FLAGS: Mapping[str, bool] = {
    "1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False,
}  # fmt: skip
_CHECKS: Mapping[str, Callable[[object, str], object]] = {
    "url": _text, "home": _path, "key_file": _path, "warn_bytes": durations.size_bytes,
    "limit_bytes": durations.size_bytes, "blob_bytes": _blob_bytes, "server_memory_bytes": durations.size_bytes,
    "slots": _count,
    "connect_timeout_s": partial(durations.seconds, least=0.001), "idle_stop_s": durations.seconds, "queues": _text,
    "queue_concurrency": _text, "resources": _text, "labels": _text,
    "processes": _text, "webhook_hosts": _text, "webhook_private": _flag,
}  # fmt: skip
#: these have no None
_NEEDED = frozenset({
    "home", "warn_bytes", "limit_bytes", "blob_bytes", "connect_timeout_s", "idle_stop_s", "webhook_hosts",
    "webhook_private",
})  # fmt: skip
_NUMBERS = frozenset({
    "warn_bytes", "limit_bytes", "blob_bytes", "server_memory_bytes", "slots", "connect_timeout_s", "idle_stop_s",
})  # fmt: skip


def _dotenv(folder: Path) -> dict[str, str]:
    """The NBQUEUE_ lines of a .env file: NAME=value, quotes stripped, # begins a comment line."""
    path = folder / ".env"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.strip().startswith("NBQUEUE_"):
            found[name.strip()] = value.strip().strip("\"'")
    return found
