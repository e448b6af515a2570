"""The web server as a caller meets it first."""

from nbqueue.model.settings import Settings
from tests.web.running import Web


def test_it_is_healthy(web: Web) -> None:
    """Whether it can work is told to everybody, and nothing else."""
    assert web.get("/healthz", token=None).json == {"status": "ok"}


def test_an_unknown_job_is_a_problem_in_a_sentence(web: Web, base: Settings) -> None:
    """What went wrong is a problem document with one clear sentence."""
    found = web.get("/api/v1/jobs/nothing")
    assert base.namespace == ""
    assert (found.status, found.json) == (404, {
        "type": "about:blank", "title": "Not Found", "status": 404,
        "detail": 'The server knows no job "nothing": check the id; if it was there, its data is gone.',
    })  # fmt: skip


def test_a_path_says_all_that_it_can_be_asked_with(web: Web) -> None:
    """A method that a path does not take is refused with all those that it takes."""
    expected = {"/jobs": "GET, HEAD, POST", "/jobs/x": "DELETE, GET, HEAD", "/queues/default": "GET, HEAD",
                "/queues/default/limits": "DELETE, GET, HEAD, PUT"}  # fmt: skip
    for path, methods in expected.items():
        found = web.ask("PATCH", f"/api/v1{path}", json_body={})
        assert (found.status, found.headers["allow"], found.detail) == (
            405, methods, f"PATCH is not possible here: this path takes {methods}."
        )  # fmt: skip


def test_without_the_token_nothing_is_told(web: Web) -> None:
    """A caller without the token gets no more than the way in."""
    found = web.get("/api/v1/jobs/nothing", token=None)
    assert (found.status, found.headers["www-authenticate"]) == (401, 'Bearer realm="nbqueue"')
