"""status: queues and workers, however many there are, and what has only begun."""

import json
from itertools import islice

from tests.cli.commands import run
from tests.servers import Server


def test_many_queues_are_asked_about_at_once(server: Server) -> None:
    """The round trips are as many for a hundred queues as for one; each queue has its own numbers."""
    for number in range(3):
        run("submit", "f", "--queue", "a", "--id", f"a{number}", "--url", server.url)
    run("submit", "f", "--queue", "b", "--after", "a0", "--url", server.url)
    with server.client() as client:
        client.sadd("nbq:queues", *(f"q{number:03d}" for number in range(100)))
    found = {
        each["name"]: each
        for each in json.loads(run("status", "--json", "--url", server.url).stdout)["overview"]["queues"]
    }
    assert (len(found), found["a"]["queued"], found["b"]["queued"], found["b"]["blocked"]) == (102, 3, 1, 1)
    assert {each["queued"] for each in islice(found.values(), 2, None)} == {0}


def test_an_engine_that_has_only_begun(server: Server) -> None:
    """It holds its lease and has not said yet what it serves: it is starting, and nothing is told in its place."""
    with server.client() as client:
        client.zadd("nbq:leases", {"vm-1-abc": 10**13})
        lines = run("status", "--url", server.url).stdout.splitlines()
        client.delete("nbq:leases")
    assert lines[-1].split() == ["vm-1-abc", "starting"]
