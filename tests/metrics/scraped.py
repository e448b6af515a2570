"""What an answer to GET /metrics says, by the names of the samples."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.metrics.exposition import exposition

#: name of a sample -> its labels' values, by the order of their names -> value
Scraped = Mapping[str, Mapping[tuple[str, ...], float]]


async def scrape(url: str, namespace: str = "") -> Scraped:
    """The metrics of a server now, as another process of its own would tell them."""
    client = open_redis(parse_url(url))
    try:
        answer = await exposition(client, Keys(namespace))
    finally:
        await client.aclose()
    return parsed(answer.body)


def parsed(body: bytes) -> Scraped:
    """The samples of an answer."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def counted(scraped: Scraped, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name that are not zero."""
    return {labels: value for labels, value in scraped.get(name, {}).items() if value}
