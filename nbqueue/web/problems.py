"""What went wrong, as an answer: a problem document (RFC 9457) with one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from nbqueue import errors
from nbqueue.web.json_text import JsonAnswer

MEDIA_TYPE = "application/problem+json"

#: what a caller is told of a fault of ours
FAULT = "This went wrong within the web server: its log says what."

#: what a caller is told where the rights of this server do not suffice
NO_RIGHT = (
    "The queue's server does not allow this to the user that this web server goes by, so it will not do it later "
    "either: whoever runs it can give that user the rights of a client (`nbqueue acl --role client`)."
)

#: which status an error of nbqueue has; the first that fits
_STATUS: tuple[tuple[type[errors.NbqueueError], int], ...] = (
    (errors.StoreFull, 507),
    (errors.BrokerUnavailable, 503),
    (errors.LocalStackError, 503),
    (errors.QueueClosed, 409),
    (errors.PayloadTooLarge, 413),
    (errors.JobLost, 404),
    (errors.UnknownFunction, 404),
    (errors.UnknownSchedule, 404),
    (errors.ResultExpired, 410),
    (errors.JobError, 409),
    (errors.ConfigurationError, 400),
    (errors.NotSendable, 400),
    (errors.TamperedPayload, 409),
    (errors.WrongPython, 409),
    (errors.NotInJob, 409),
)


class Problem(Exception):
    """A request that is refused: its status and a sentence."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        #: the HTTP status
        self.status = status
        #: what came, what is allowed, what to do
        self.detail = detail
        #: that go with it
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """The problem document."""
        return problem(self.status, self.detail, headers=self.headers)


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document of that status."""
    return JsonAnswer(document(status, detail), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def document(status: int, detail: str) -> dict[str, Any]:
    """What is in a problem document."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def of_error(error: errors.NbqueueError) -> Problem:
    """The problem that an error of nbqueue is for a caller."""
    if isinstance(error, errors.AccessDenied) and error.lacks_right:
        return Problem(HTTPStatus.FORBIDDEN, NO_RIGHT)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
    return Problem(status, sentence_of(error), headers={"Retry-After": "5"} if unavailable else {})


def sentence_of(error: errors.NbqueueError) -> str:
    """What an error says to who calls over HTTP: variables of this server are none of theirs."""
    return str(error).replace("check the id and NBQUEUE_URL", "check the id")
