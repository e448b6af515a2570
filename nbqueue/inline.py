"""Without a server: the worker of the store in this process, `inline:`. Here client and worker are put together."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import replace

from nbqueue.broker import inline_server
from nbqueue.broker.connection import Address
from nbqueue.broker.signing import Keyring
from nbqueue.client.portal import Portal
from nbqueue.model import labels, resources, serving
from nbqueue.model.settings import Settings
from nbqueue.model.webhook import host_names
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.in_process import InProcessWorker

#: how long a worker may take to begin and to leave
START_S, LEAVE_S = 10.0, 5.0


class Serving:
    """A worker in this process, with a thread and a loop of its own: it works while the client's are closed."""

    def __init__(self, config: WorkerConfig, keyring: Keyring, *, every_queue: bool = False) -> None:
        self._portal = Portal("nbqueue-worker")
        self._worker = InProcessWorker(config, keyring, every_queue=every_queue)
        try:
            self._portal.call(self._worker.start()).result(START_S)
        except BaseException:
            self._portal.close()
            raise

    def end(self) -> None:
        """Leave: what runs is asked to stop, what does not is given back."""
        try:
            self._portal.call(self._worker.close()).result(LEAVE_S)
        finally:
            self._portal.close()

    def end_now(self) -> None:
        """Leave at the end of the process, with everything."""
        self._portal.close()


_lock = threading.Lock()
#: by store, namespace and key
_serving: dict[tuple[str, str, str], Serving] = {}


def serve(address: Address, settings: Settings, keyring: Keyring) -> None:
    """Have a worker for this store in this process, one for all who use it."""
    place = (address.path, settings.namespace, keyring.ids[0])
    with _lock:
        if place not in _serving:
            config = config_of(address, settings)
            _serving[place] = Serving(config, keyring, every_queue=True)


def config_of(address: Address, settings: Settings, *queues: str, slots: int | None = None) -> WorkerConfig:
    """What a worker in this process is told."""
    weights = serving.weights(settings.queues or "default")
    at_once = serving.limits(settings.queue_concurrency or "")
    # a queue that has a number is served; where queues are named, no other is
    served = tuple(queues) or tuple(dict.fromkeys((*weights, *at_once)))
    config = WorkerConfig(
        address=address, namespace=settings.namespace, limit_bytes=settings.limit_bytes, queues=served,
        weights={name: weights[name] for name in served if name in weights},
        queue_concurrency={name: at_once[name] for name in served if name in at_once},
        resources=resources.parse(settings.resources or ""), labels=labels.parse(settings.labels or ""),
        webhook_hosts=host_names(settings.webhook_hosts), webhook_private=settings.webhook_private,
    )  # fmt: skip
    wanted = slots or settings.slots
    return config if wanted is None else replace(config, slots=wanted)


def drop(name: str) -> None:
    """End the workers of a store, and forget it with all that is in it."""
    with _lock:
        ending = [_serving.pop(place) for place in list(_serving) if place[0] == name]
    for each in ending:
        each.end()
    inline_server.drop(name)


def _forget() -> None:
    """In a forked copy: the threads are not there, and neither is the store."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _inherited.extend(_serving.values())
    _serving.clear()


#: of the process we were forked from: kept, so that nothing of theirs is finalised while we run
_inherited: list[Serving] = []


def _end() -> None:
    for each in _serving.values():
        each.end_now()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
