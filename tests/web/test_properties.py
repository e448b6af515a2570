"""Whatever is asked, right or wrong: the answer is one that the document tells of, and never a fault of the server."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy, booleans, characters, dictionaries, just, one_of, sampled_from, text
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import nbqueue
from nbqueue.web.api.table import ENDPOINTS
from tests.web.running import TOKEN, Web

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
MODES = pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
OPERATIONS = {endpoint.name for endpoint in ENDPOINTS}
#: examples of each operation: in a quick look, and at length
QUICK, LONG = 4, 60
#: what proxies, old programs and attackers send along
ODD: list[dict[str, str]] = [
    {"Accept": "text/html"}, {"Accept": "application/xml;q=x"}, {"Accept-Encoding": "br;q=0, *;q=0"},
    {"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {"If-Modified-Since": "yesterday"}, {"Expect": "100-continue"},
    {"X-HTTP-Method-Override": "DELETE"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "for=_;host=evil"},
    {"Origin": "null"}, {"Referer": "http://evil.example/"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"},
    {"Cookie": '\xfc=1; ="; ;'}, {"Last-Event-ID": "9-9-9"}, {"Content-Type": "text/plain"}, {"Upgrade": "h2c"},
    {"Content-Type": "application/json; charset=utf-16"}, {"Content-Encoding": "gzip"}, {"Authorization": "Basic eA=="},
    {"Long": "x" * 20_000}, {f"Many-{number}": "" for number in range(101)},
]  # fmt: skip
LETTERS = characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0\xad")
NAMES = text(characters(min_codepoint=97, max_codepoint=122), min_size=1).map(lambda name: f"X-{name}")
HEADERS: SearchStrategy[dict[str, str]] = one_of(
    just({}), sampled_from(ODD), dictionaries(NAMES, text(LETTERS, max_size=20), max_size=5)
)


@pytest.fixture(scope="module")
def document(web: Web) -> Any:
    """The server's own document, as a program reads it."""
    found = schemathesis.openapi.from_dict(web.get("/api/v1/openapi.json").json)
    found.config.update(base_url=web.url)
    return found


@pytest.fixture
def client() -> Iterator[requests.Session]:
    """A client that keeps its connection."""
    with requests.Session() as session:
        yield session


def hold(
    document: Any, web: Web, client: requests.Session, mode: GenerationMode, examples: int
) -> dict[str, list[int]]:
    """Ask for every operation of the document in all ways, and hold each answer to it: the statuses that came."""
    return {
        operation.definition.raw["operationId"]: _hold(operation, web, client, mode, examples)
        for operation in (found.ok() for found in document.get_all_operations())
    }


def _hold(operation: Any, web: Web, client: requests.Session, mode: GenerationMode, examples: int) -> list[int]:
    answers: list[int] = []
    known = _known(web, operation.path)
    # an answer is waited for, and a stream read, only shortly
    has_patience = any(field.name == "timeout_s" for field in operation.query)
    is_patient = operation.path == "/api/v1/execute"

    @given(case=operation.as_strategy(generation_mode=mode), is_known=booleans(), headers=HEADERS)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        derandomize=examples <= QUICK, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any, *, is_known: bool, headers: dict[str, str]) -> None:
        if is_known:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        if has_patience:
            case.query = {**(case.query if isinstance(case.query, dict) else {}), "timeout_s": 0}
        if is_patient and isinstance(case.body, dict):
            case.body["timeout_s"] = 0
        sent = {"Authorization": f"Bearer {TOKEN}", **headers}
        answers.append(case.call_and_validate(checks=CHECKS, timeout=20, headers=sent, session=client).status_code)

    ask()
    return answers


def _known(web: Web, path: str) -> dict[str, str]:
    """Names that there are for what stands in a path: a job, and a schedule or a queue."""
    job = web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": {"delay": 3600}})
    name = nbqueue.schedule("1h", "add", 1).wait(20).name if "/schedules/" in path else "default"
    return {"job_id": str(job.json["id"]), "name": name}


@MODES
def test_no_request_is_answered_by_a_fault(
    document: Any, web: Web, client: requests.Session, mode: GenerationMode
) -> None:
    """Requests that fit the document, and requests that do not, get answers that it tells of, whatever comes along."""
    answers = hold(document, web, client, mode, QUICK)
    assert {name: len(statuses) for name, statuses in answers.items()} == dict.fromkeys(OPERATIONS, QUICK)
    assert (web.process.poll(), "Traceback" in web.log) == (None, False)


@pytest.mark.slow
@MODES
def test_no_request_is_answered_by_a_fault_at_length(
    document: Any, web: Web, client: requests.Session, mode: GenerationMode
) -> None:
    """The same, with many requests of each kind; what is right is done for each operation."""
    answers = hold(document, web, client, mode, LONG)
    assert {name for name, statuses in answers.items() if len(statuses) > QUICK} == OPERATIONS
    if mode == GenerationMode.POSITIVE:
        # a job that waits is not retried
        assert {name for name, statuses in answers.items() if min(statuses) >= 300} == {"retry_job"}
    assert (web.process.poll(), "Traceback" in web.log) == (None, False)
