"""All metrics of a namespace as text that Prometheus reads, whichever process is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE
from nbqueue.errors import ConfigurationError
from nbqueue.metrics.counting import count_on
from nbqueue.metrics.standing import look

logger = logging.getLogger("nbqueue")


class Exposition(NamedTuple):
    """The answer to GET /metrics."""

    body: bytes
    #: the value of its header Content-Type
    content_type: str


async def exposition(client: Any, keys: Keys, *, accept: str = "") -> Exposition:
    """The metrics now; of a server that does not answer `nbqueue_up 0` alone.

    All of them are of the whole namespace: every process tells the same, and what ended before a restart is counted.

    Args:
        client: a connection with the rights of a client.
        keys: of the namespace.
        accept: the request's header Accept, which may ask for OpenMetrics.

    Raises ConfigurationError where prometheus-client is not installed.
    """
    encode, content_type = _encoder(accept)
    from nbqueue.metrics.families import families, up

    try:
        tallies = await count_on(client, keys)
        found = [up(is_up=True), *families(await look(client, keys), tallies)]
    except TROUBLE as error:
        logger.warning("There are no metrics but one, as the server does not answer: %s", error)
        return away(accept=accept)
    return Exposition(encode(Fixed(found)), content_type)


def away(*, accept: str = "") -> Exposition:
    """The metrics of a server that does not answer."""
    encode, content_type = _encoder(accept)
    from nbqueue.metrics.families import up

    return Exposition(encode(Fixed([up(is_up=False)])), content_type)


class Fixed:
    """Families that were made already, as a registry of prometheus-client."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        """The families."""
        return iter(self._families)


def _encoder(accept: str) -> tuple[Any, str]:
    try:
        from prometheus_client.exposition import choose_encoder
    except ModuleNotFoundError as error:
        raise ConfigurationError("Metrics need prometheus-client: pip install 'nbqueue[web]'.") from error
    return choose_encoder(accept)
