"""One row of the table of routes: what is asked, what is answered, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nbqueue.web import json_text
from nbqueue.web.problems import Problem
from nbqueue.web.shapes import Field, Schema, fault, from_text
from nbqueue.web.streams import STREAM_TYPE, only_get

#: what comes in a body
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as its endpoint gets it: every value checked."""

    #: values by their names
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    #: the request itself
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer that an endpoint may give."""

    #: when it is given
    help: str
    #: what it holds; None: nothing
    schema: Schema | None = None
    media_type: str = JSON_TYPE
    #: names of headers that come with it
    headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method and a path, and all that is to be known of them."""

    method: str
    #: with {names} in it
    path: str
    #: names it in the document
    name: str
    #: what it is for, in a sentence
    summary: str
    act: Callable[[Asked], Awaitable[Response]] = field(repr=False)
    #: status -> answer, besides the problems that every endpoint may answer with
    replies: Mapping[int, Reply]
    path_fields: Sequence[Field] = ()
    query: Sequence[Field] = ()
    #: fields of the JSON object in the body; None: no body is looked at
    body: Sequence[Field] | None = None
    #: statuses of problems that it may answer with, besides those of all
    problems: Sequence[int] = ()
    #: request headers that it looks at
    header_fields: Sequence[Field] = ()

    def route(self) -> Route:
        """The row as Starlette takes it."""
        found = Route(self.path, partial(answer, self), methods=[self.method], name=self.name)
        streams = any(each.media_type == STREAM_TYPE for each in self.replies.values())
        return only_get(found) if streams else found

    @property
    def body_schema(self) -> Schema | None:
        """What the body looks like."""
        return None if self.body is None else object_of(self.body)


def object_of(fields: Sequence[Field]) -> Schema:
    """The schema of an object of these fields and no others."""
    needed = [each.name for each in fields if each.required]
    found: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: {**each.schema, "description": each.help} for each in fields},
        "additionalProperties": False,
    }
    return {**found, "required": needed} if needed else found


async def answer(endpoint: Endpoint, request: Request) -> Response:
    """Check what was asked, and do it."""
    path = {each.name: _checked(request.path_params[each.name], each) for each in endpoint.path_fields}
    query = _query(endpoint, request)
    body = await _body(endpoint, request)
    return await endpoint.act(Asked(path=path, query=query, body=body, request=request))


def _check_form(request: Request) -> None:
    """Refuse a body that is no plain JSON in UTF-8, by what it says of itself."""
    kind, *parameters = (each.strip().lower() for each in request.headers.get("content-type", "").split(";"))
    if kind != JSON_TYPE:
        raise Problem(415, f"The body came as {ascii(kind)[:60]}: send JSON, with Content-Type: {JSON_TYPE}.")
    charsets = {each.removeprefix("charset=").strip('"') for each in parameters if each.startswith("charset=")}
    if charsets - {"utf-8", "utf8", "us-ascii"}:
        raise Problem(415, f"The body came in {ascii(', '.join(sorted(charsets)))[:60]}: send JSON in UTF-8.")
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise Problem(415, f"The body came packed as {ascii(packed)[:60]}: send it as it is, without Content-Encoding.")


def _query(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    known = {each.name: each for each in endpoint.query}
    found: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            words = f"it takes {', '.join(known)}" if known else "it takes none"
            raise Problem(400, f"The query has {ascii(name)[:60]}, which is not known: {words}.")
        if name in found:
            raise Problem(400, f"The query has {name} more than once: give it once.")
        found[name] = _checked(from_text(text, known[name].schema), known[name])
    for each in endpoint.query:
        if each.required and each.name not in found:
            raise Problem(400, f"The query lacks {each.name}: give it.")
    return found


def _checked(value: Any, of: Field) -> Any:
    if sentence := fault(value, of.schema, of.name):
        raise Problem(400, f"{sentence} {of.hint}".rstrip())
    return value


async def _body(endpoint: Endpoint, request: Request) -> Mapping[str, Any]:
    """The values in the body. A form, or text, is refused: what a page of another site can send is no JSON."""
    schema = endpoint.body_schema
    if schema is None:
        return {}
    text = await request.body()
    if not text and not schema.get("required"):
        return {}
    _check_form(request)
    try:
        found = json_text.read(text)
    except json_text.NotJson as error:
        raise Problem(400, str(error)) from None
    if sentence := fault(found, schema, "body"):
        raise Problem(400, sentence)
    return dict(found)
