"""graph: who gives results to whom, from a shell."""

import pytest

import nbqueue
from nbqueue.broker.keys import Keys
from nbqueue.client.portal import shutdown
from tests.cli.commands import run
from tests.servers import Server


@pytest.fixture
def at(server: Server) -> tuple[str, ...]:
    """The options that name the server."""
    nbqueue.configure(url=server.url)
    return ("--url", server.url)


def test_the_graph_of_a_job_is_a_tree_or_a_diagram(at: tuple[str, ...], server: Server) -> None:
    """A line a job, the same from each of them; a text of a job steers no terminal."""
    run("submit", "load", "--id", "a", *at)
    run("submit", "fit", "--id", "b", "--after", "a", *at)
    with server.client() as client:
        client.hset(Keys().record("b"), "label", "a \x1b[31mred\tfit")
    for job_id in "ab":
        found = run("graph", job_id, *at)
        summary, *tree = found.stdout.splitlines()
        assert (found.exit_code, summary.startswith("2 jobs: ")) == (0, True)
        assert tree == ["load (a): queued", "  a red fit (b): blocked"]
    assert run("graph", "a", "--mermaid", *at).stdout.splitlines() == [
        "graph LR",
        '    n0["load<br>queued"]:::queued',
        '    n1["a #27;#91;31mred#9;fit<br>blocked"]:::queued',
        "    n0 --> n1",
    ]


def test_the_graph_of_a_group_is_that_of_its_jobs(at: tuple[str, ...]) -> None:
    """By the id of the group, as long as the server knows it."""
    group = nbqueue.submit_map(abs, [-1, -2]).wait()
    ids = group.ids
    shutdown()
    assert run("graph", group.id, *at).stdout.splitlines() == [
        "2 jobs: 2 queued.", *(f"abs ({job_id}): queued" for job_id in ids),
    ]  # fmt: skip


def test_an_id_that_nobody_knows(at: tuple[str, ...]) -> None:
    """It is said, and how to find one."""
    refused = run("graph", "nobody", *at)
    helps = "`nbqueue jobs` lists the jobs it knows, and with --json their groups."
    assert (refused.exit_code, refused.stdout, refused.stderr) == (
        1, "", f'nbqueue: The server knows no job or group "nobody": {helps}\n',
    )  # fmt: skip
    assert run("graph", "a/b", *at).exit_code == 2
