"""The application asked without a socket, where a test sets what no option of the command does."""

from collections.abc import Sequence

from starlette.routing import BaseRoute
from starlette.types import Message

from nbqueue.web.app import create_app
from nbqueue.web.config import WebConfig


async def asked(config: WebConfig, path: str, pages: Sequence[BaseRoute] = ()) -> list[Message]:
    """All that the application sends for a GET by one who shows the token and stays until it ends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {config.token}".encode())],
    }  # fmt: skip
    await create_app(config, pages)(scope, receive, send)
    return sent
