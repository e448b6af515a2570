"""Whatever is asked, right or wrong: the answer is one that the document tells of, and never a fault of the server."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nbqueue.web.api.table import ENDPOINTS
from nbqueue.web.endpoint import Endpoint
from tests.web.running import TOKEN, Web

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
#: one of each kind, for a quick look
QUICK = {"list_jobs", "get_job", "clear_queue"}


@pytest.fixture(scope="module")
def document(web: Web) -> Any:
    """The server's own document, as a program reads it."""
    found = schemathesis.openapi.from_dict(web.get("/api/v1/openapi.json").json)
    found.config.update(base_url=web.url)
    return found


def hold(document: Any, endpoint: Endpoint, mode: GenerationMode, examples: int, known: str) -> None:
    """Ask in all ways, and hold each answer to the document; the ids are sometimes the known one."""
    operation = document[endpoint.path][endpoint.method]
    in_query = any(field.name == "timeout_s" for field in endpoint.query)
    in_body = any(field.name == "timeout_s" for field in endpoint.body or ())

    @given(case=operation.as_strategy(generation_mode=mode), is_known=booleans())
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any, *, is_known: bool) -> None:
        if is_known and "job_id" in (case.path_parameters or {}):
            case.path_parameters["job_id"] = known
        # an answer is waited for, and a stream read, only shortly
        if in_query:
            case.query = {**(case.query if isinstance(case.query, dict) else {}), "timeout_s": 0}
        if in_body and isinstance(case.body, dict):
            case.body["timeout_s"] = 0
        case.call_and_validate(checks=CHECKS, timeout=20, headers={"Authorization": f"Bearer {TOKEN}"})

    ask()


@pytest.fixture(scope="module")
def known(web: Web) -> str:
    """The id of a job."""
    return str(web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": {"delay": 3600}}).json["id"])


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_no_request_is_answered_by_a_fault(document: Any, web: Web, known: str, mode: GenerationMode) -> None:
    """Requests that fit the document, and requests that do not, get answers that the document tells of."""
    for endpoint in ENDPOINTS:
        if endpoint.name in QUICK:
            hold(document, endpoint, mode, 5, known)
    assert (web.process.poll(), "Traceback" in web.log) == (None, False)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_no_request_is_answered_by_a_fault_at_length(
    document: Any, web: Web, known: str, endpoint: Endpoint, mode: GenerationMode
) -> None:
    """The same, with many requests of each kind."""
    hold(document, endpoint, mode, 30, known)
    assert (web.process.poll(), "Traceback" in web.log) == (None, False)
