"""The look of pages: its files are few and small, so they are answered from memory."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PLACE = Path(__file__).parent / "static"
#: what a file is, by the end of its name
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class StaticFiles:
    """All of them, as they were when the server started."""

    def __init__(self) -> None:
        self._files: Mapping[str, bytes] = {
            each.name: each.read_bytes() for each in _PLACE.iterdir() if each.suffix in _TYPES
        }
        self._tags = {name: f'"{sha256(data).hexdigest()[:32]}"' for name, data in self._files.items()}

    def route(self) -> Route:
        """What goes into the table of routes."""
        return Route("/static/{name}", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404)
        tag = self._tags[name]
        known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
        if known & {tag, "*"}:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(self._files[name], media_type=_TYPES[Path(name).suffix], headers={"ETag": tag})
