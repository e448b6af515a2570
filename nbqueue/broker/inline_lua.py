"""The Lua interpreter of the server within this process, where it differs from a real server's.

It takes no `#!lua` line, compiles a script at each call, hands errors on as Python's, writes numbers and JSON in other
ways, and takes all values that a script returns for a list.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fakeredis._helpers import SimpleError
from lupa import lua51

_COLLECT = "collectgarbage()"
#: script calls between two collections of what they left behind
_COLLECT_EVERY = 500
#: a command that fails ends the script with its text, which a `pcall` of the script can catch
_CALL = b"""
local attempt, encode = redis.pcall, ...
cjson.encode = encode
redis.call = function(...)
  local reply = attempt(...)
  if type(reply) == 'table' and reply.err then error(reply.err, 0) end
  return reply
end
"""


class Interpreter:
    """Runs scripts; keeps what it compiled."""

    def __init__(self, lua: Any) -> None:
        self._lua = lua
        self._compiled: dict[bytes, Callable[[], Any]] = {}
        self._calls = 0
        self._null = lua.globals()[b"cjson"][b"null"]
        lua.compile(_CALL)(self._encode)

    def execute(self, text: bytes | str) -> Any:
        """Run a script, or now and then collect what scripts left. The first value it returns."""
        if isinstance(text, str):
            return self._collect(text)
        if text not in self._compiled:
            self._compiled[text] = self._lua.compile(_without_shebang(text), name=b"@user_script")
        try:
            found = self._compiled[text]()
        except lua51.LuaError as error:
            raise SimpleError(_said(error)) from error
        return found[0] if isinstance(found, tuple) else found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lua, name)

    def _collect(self, text: str) -> None:
        self._calls += 1
        if text != _COLLECT or self._calls % _COLLECT_EVERY == 0:
            self._lua.execute(text)

    def _encode(self, value: Any) -> bytes:
        """A value of a script as JSON; what is no UTF-8 in it stays as it is."""
        text = json.dumps(self._plain(value), separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "surrogateescape")

    def _plain(self, value: Any) -> Any:
        if value is self._null:
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        if lua51.lua_type(value) != "table":
            return value
        pairs = dict(value.items())
        if pairs and set(pairs) == set(range(1, len(pairs) + 1)):
            return [self._plain(pairs[place]) for place in range(1, len(pairs) + 1)]
        return {self._plain(name): self._plain(each) for name, each in pairs.items()}


def word(value: Any) -> bytes:
    """A word of a command as a script gives it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).encode()
    raise SimpleError("ERR Lua redis lib command arguments must be strings or integers")


def _without_shebang(text: bytes) -> bytes:
    """The script without its first line where that names an engine; lines keep their numbers."""
    return text[text.index(b"\n") :] if text.startswith(b"#!") else text


def _said(error: Exception) -> str:
    """What the script said when it ended; a word in capitals before it says the kind, as a server's answers do."""
    text = error.args[0] if error.args else error
    said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    said = said.partition("\nstack traceback")[0]
    return said if said.partition(" ")[0].isupper() else f"ERR {said}"
