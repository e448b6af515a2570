"""What items failed with: the most frequent error, as they are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_CHARACTERS = 100


class Failures:
    """Counts errors ("Type: message"), and knows at any time which came most."""

    def __init__(self, errors: Iterable[str] = ()) -> None:
        self._counts: dict[str, Counter[str]] = {"text": Counter(), "kind": Counter()}
        self._most = {"text": "", "kind": ""}
        #: an error of each kind
        self._first: dict[str, str] = {}
        for error in errors:
            self.add(error)

    def __len__(self) -> int:
        return self._counts["text"].total()

    def add(self, error: str) -> None:
        """Count one."""
        kind = _kind(error)
        self._first.setdefault(kind, error)
        for by, name in (("text", error), ("kind", kind)):
            counts = self._counts[by]
            counts[name] += 1
            if counts[name] > counts[self._most[by]]:
                self._most[by] = name

    def __str__(self) -> str:
        """For example "12 failed, 10 of them with KeyError: 'x'"; empty where none did."""
        total = len(self)
        if not total:
            return ""
        text = self._most["text"]
        count = self._counts["text"][text]
        if count == 1 < total:  # each says something else: what they have in common is their type
            kind = self._most["kind"]
            count, first = self._counts["kind"][kind], self._first[kind]
            message = first.removeprefix(kind).removeprefix(": ")
            text = first if count == 1 else f"{kind}, such as {message}"
        share = "" if total == 1 else ", all" if count == total else f", {count:,} of them"
        return f"{total:,} failed{share} with {_cut(text)}"


def _kind(error: str) -> str:
    """The type of an error, and which scorer raised it."""
    first, colon, rest = error.partition(": ")
    return f"{first}{colon}{rest.partition(': ')[0]}" if first.startswith("scorer ") else first


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
