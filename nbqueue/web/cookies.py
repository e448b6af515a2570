"""The cookie of a browser: how it is given, and found among those of others."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Scope

from nbqueue.web.config import WebConfig
from nbqueue.web.identity import COOKIE_S, Identity


def give_cookie(answer: Response, config: WebConfig, identity: Identity, scope: Scope) -> None:
    """Let an answer bring the cookie of one who has shown the token."""
    answer.set_cookie(
        config.cookie_name, identity.new_cookie(), max_age=COOKIE_S, path=f"{scope.get('root_path', '')}/",
        secure=scope.get("scheme") == "https", httponly=True, samesite="strict",
    )  # fmt: skip


def values_of(lines: Iterable[str], name: str) -> Iterable[str]:
    """The values of all cookies of a name. Browsers send those of all ports of a host, whatever is in them."""
    for line in lines:
        for pair in line.split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                yield value
