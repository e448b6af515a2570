"""What a worker must know of an arq settings class before it runs it: found out in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from nbqueue.broker.connection import Address
from nbqueue.errors import ConfigurationError
from nbqueue.worker.stock import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPlan:
    """An arq settings class, as far as its supervisor cares."""

    #: where its server is; None: in words that only arq's own client understands
    address: Address | None
    queue: str
    #: seconds a blocked event loop is borne: arq's longest time limit and ten more
    stall_s: float
    #: seconds that running jobs get before they are given back
    completion_wait_s: float


def load(place: str, **changes: Any) -> Worker:
    """The worker of "module:Settings", with arguments that go before those of the class."""
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if not hasattr(found, "functions") and not hasattr(found, "cron_jobs"):
        raise ConfigurationError(f"{place} is no arq settings: give a class with `functions`, as arq takes it.")
    known = Worker.__signature__.parameters
    asked = {key: value for key, value in vars(found).items() if key in known}
    # arq's own worker shows both unasked
    worker = Worker(**{"log_results": False, **asked, **changes})
    worker.log_arguments = bool(vars(found).get("log_arguments", False))
    return worker


def plan(place: str) -> StockPlan:
    """The plan of "module:Settings", which is imported in another process and nowhere here."""
    command = [sys.executable, "-m", "nbqueue.worker.stock_settings", place]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    asked = subprocess.run(command, stdout=subprocess.PIPE, check=False, env=environment)  # noqa: S603 - our own module
    if asked.returncode:
        raise ConfigurationError(f"{place} cannot be loaded: see the error above.")
    found = json.loads(asked.stdout)
    if "error" in found:
        raise ConfigurationError(found["error"])
    where = found.pop("address")
    if where is not None:
        where = Address(**{**where, "sentinels": tuple((host, port) for host, port in where["sentinels"])})
    return StockPlan(address=where, **found)


def _answer(place: str) -> dict[str, Any]:
    try:
        worker = load(place, handle_signals=False)
    except ConfigurationError as error:
        return {"error": str(error)}
    found = StockPlan(
        address=_address(worker.redis_settings), queue=worker.queue_name, stall_s=worker.in_progress_timeout_s,
        completion_wait_s=worker.completion_wait_s,
    )  # fmt: skip
    return asdict(found)


def _address(found: Any) -> Address | None:
    """Arq's RedisSettings as an address."""
    if found is None or (found.ssl and (found.ssl_cert_reqs != "required" or found.ssl_ca_data)):
        return None
    about: dict[str, Any] = {
        "database": found.database, "username": found.username, "password": found.password, "tls": bool(found.ssl),
        "ca_file": found.ssl_ca_certs, "cert_file": found.ssl_certfile, "key_file": found.ssl_keyfile,
        "check_hostname": found.ssl_check_hostname,
    }  # fmt: skip
    if found.sentinel:
        sentinels = tuple((host, int(port)) for host, port in found.host)
        return Address(kind="sentinel", sentinels=sentinels, master=found.sentinel_master, **about)
    if found.unix_socket_path:
        return Address(kind="unix", path=found.unix_socket_path, **{**about, "tls": False})
    return Address(kind="tls" if found.ssl else "tcp", host=found.host, port=found.port, **about)


def _main() -> None:
    """Answer on stdout with JSON alone, whatever the module prints."""
    answer_to = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(answer_to, "w", encoding="utf-8") as out:
        json.dump(_answer(sys.argv[1]), out)


if __name__ == "__main__":
    _main()
