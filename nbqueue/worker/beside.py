"""What an engine does beside the jobs it runs: it fires schedules, leaves word, looks out for alerts, and forgets."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.model.delivery import Patience
from nbqueue.model.webhook import HostRules
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.key_watch import keep_mark
from nbqueue.worker.lookout import Lookout
from nbqueue.worker.messenger import Messenger, Post
from nbqueue.worker.posting import Poster
from nbqueue.worker.pruning import Pruning
from nbqueue.worker.scheduler import Scheduler


class Beside:
    """These duties of one engine."""

    def __init__(self, config: WorkerConfig, client: Any, keys: Keys, keyring: Keyring, engine_id: str) -> None:
        #: leaves word of jobs that have ended
        self.messenger = _messenger(config, client, keys, keyring)
        scheduler, lookout = Scheduler(client, keys, keyring), Lookout(client, keys, engine_id)
        pruning = Pruning(client, keys, engine_id, is_archived=config.is_archived)
        #: each serves until it is cancelled
        self.duties = (
            scheduler.watch, self.messenger.serve, lookout.serve, pruning.serve,
            partial(keep_mark, client, keys, keyring),
        )  # fmt: skip


def _messenger(config: WorkerConfig, client: Any, keys: Keys, keyring: Keyring) -> Messenger:
    rules = HostRules.of(config.webhook_hosts, private=config.webhook_private)
    patience = Patience(tries=config.webhook_tries, backoff_s=config.webhook_backoff_s)
    post = Post(keyring=keyring, rules=rules, patience=patience, poster=Poster(rules))
    return Messenger(client, keys, post, Random())  # noqa: S311 - jitter
