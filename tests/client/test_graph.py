"""The graph around a job, as the records tell it."""

import json
from typing import Any

import pytest

from nbqueue import Job, State, submit, submit_map
from nbqueue.broker.keys import Keys
from nbqueue.client import graph
from nbqueue.client.graph import Graph, Node
from tests.client.engine_stub import Engine
from tests.servers import Server

KEYS = Keys()


class Records:
    """What scripts write of jobs that come after others."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, name: str, *after: str, state: str = "queued", children: tuple[str, ...] = (), **more: str) -> None:
        """A record, and the jobs that wait for it."""
        fields = {"state": state, "function": name, "after": json.dumps(after), **more}
        self._client.hset(KEYS.record(name), mapping=fields)
        self._client.pexpire(KEYS.record(name), 60_000)
        for child in children:
            self._client.sadd(KEYS.heirs(name), child)
            self._client.pexpire(KEYS.heirs(name), 60_000)

    def put_group(self, name: str, *, child: str, **counts: int) -> None:
        """A group that a job waits for as one."""
        self._client.hset(KEYS.group(name), mapping=counts)
        self._client.sadd(KEYS.heirs(name), child)
        self._client.pexpire(KEYS.group(name), 60_000)
        self._client.pexpire(KEYS.heirs(name), 60_000)


@pytest.fixture
def records(server: Server) -> Any:
    """The server's records."""
    with server.client() as client:
        yield Records(client)


async def test_it_is_walked_both_ways(records: Records) -> None:
    """From any of its jobs the whole is found, by what is above and by what is below."""
    records.put("load", state="succeeded", children=("fit", "test"))
    records.put("fit", "load", reason="blocked")
    records.put("test", "load", "other", state="running")
    records.put("other", state="failed", children=("test",))
    for name in ("load", "fit", "test", "other"):
        found = await Job[int](name).graph()
        assert {node.id: node.words for node in found.nodes} == {
            "load": "succeeded", "fit": "blocked", "test": "running", "other": "failed",
        }  # fmt: skip
        assert set(found.edges) == {("load", "fit"), ("load", "test"), ("other", "test")}
        assert (found.around, found.cut) == ((name,), False)


async def test_a_job_alone_is_a_graph(running_engine: Engine) -> None:
    """Of itself; one that the server does not know is shown as that."""
    del running_engine
    job = await submit(abs, -1)
    await job
    assert (await job.graph()).nodes == (Node(id=job.id, label="abs", state=State.SUCCEEDED),)
    assert str(await Job[int]("none").graph()) == "1 job: 1 unknown.\nnone: unknown"


async def test_a_group_is_its_jobs(running_engine: Engine) -> None:
    """All of them, and nothing for its name."""
    del running_engine
    group = await submit_map(abs, [-1, -2])
    await group
    found = await group.graph()
    assert {node.id: node.group for node in found.nodes} == dict.fromkeys(group.ids, group.id)
    assert str(await (await submit_map(abs, [])).graph()) == "no jobs"


async def test_a_group_that_is_waited_for_as_one_has_a_place(records: Records) -> None:
    """Between its jobs and those that wait."""
    records.put("one", state="succeeded", group="many")
    records.put("end", "many", reason="blocked")
    records.put_group("many", child="end", total=12, succeeded=11, running=1)
    for name in ("one", "end"):
        found = await Job[int](name).graph()
        node = {node.id: node for node in found.nodes}["many"]
        assert (node.label, node.state, node.count) == ("group of 12", State.RUNNING, 12)
    assert set((await Job[int]("one").graph()).edges) == {("one", "many"), ("many", "end")}


async def test_it_is_bounded(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest are read, and it says that there are more."""
    monkeypatch.setattr(graph, "MOST", 4)
    records.put("a", children=tuple(f"b{number}" for number in range(6)))
    for number in range(6):
        records.put(f"b{number}", "a")
    found = await Job[int]("a").graph()
    assert (len(found.nodes), found.cut) == (4, True)
    assert "There are more: only the 4 nearest are shown." in str(found)


async def test_what_no_script_wrote_is_left_out(records: Records, server: Server) -> None:
    """Broken fields, circles and keys of a wrong type are no end of the walk."""
    records.put("a", "b", "a", "no id!", state="queued", children=("b",))
    records.put("b", "a", state="odd")
    with server.client() as client:
        client.hset(KEYS.record("c"), mapping={"state": "queued", "after": "{", "function": "c"})
        client.set(KEYS.heirs("c"), "x", px=60_000)
        client.pexpire(KEYS.record("c"), 60_000)
    found = await Job[int]("a").graph()
    assert set(found.edges) == {("b", "a"), ("a", "b")}
    assert str(found).splitlines()[1:] == ["a (a): queued", "  b: unknown", "    a (a): see above"]
    assert "nbqueue" not in str(await Job[int]("c").graph())


def test_it_is_a_tree_in_text() -> None:
    """Indented by who takes from whom; what comes up again is only named."""
    nodes = tuple(Node(id=name, label=f"do {name}", state=State.QUEUED) for name in "abcd")
    found = Graph(nodes=nodes, edges=(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")), around=("a",))
    assert str(found).splitlines() == [
        "4 jobs: 4 queued.", "do a (a): queued", "  do b (b): queued", "    do d (d): queued", "  do c (c): queued",
        "    do d (d): see above",
    ]  # fmt: skip
    assert repr(found) == "<Graph of 4 jobs: 4 queued>"


def test_it_is_a_diagram_of_mermaid() -> None:
    """One class a state; what would mean something else is written by its number."""
    nodes = (Node(id="a", label='"x"<b>', state=State.SUCCEEDED), Node(id="b"))
    found = Graph(nodes=nodes, edges=(("a", "b"),))
    assert found.mermaid().splitlines() == [
        "graph LR", '    n0["#34;x#34;#60;b#62;<br>succeeded"]:::succeeded', '    n1["b<br>unknown"]:::unknown',
        "    n0 --> n1",
    ]  # fmt: skip
