"""A request as the guard sees it, before anything is done for it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

#: methods that change nothing
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Call:
    """Its parts."""

    scope: Scope
    headers: Headers
    #: the path without what a proxy took away
    path: str

    @property
    def method(self) -> str:
        """Its method."""
        return str(self.scope["method"])

    @property
    def query(self) -> str:
        """Its query as it came."""
        return bytes(self.scope["query_string"]).decode("latin-1")

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in SAFE


def up(path: str) -> str:
    """The way from a path of ours to the first page: what stands before all of ours, only a proxy may know."""
    return "../" * (path.count("/") - 1) or "./"


def call_of(scope: Scope) -> Call:
    """The request of a scope."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    own = path[len(root) :] if root and path.startswith(f"{root}/") else path
    return Call(scope, Headers(scope=scope), own)
