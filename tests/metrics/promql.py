"""A reader of PromQL that is strict about its grammar, and says which metrics and labels an expression names.

After https://prometheus.io/docs/prometheus/latest/querying/basics/: as much of it as dashboards and alert rules use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\])*\")|(?P<range>\[(?:\d+[smhdwy])+\])"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/^%=<>(){},]))"
)
_AGGREGATIONS = {"sum", "max", "min", "avg", "count"}
_FUNCTIONS = {
    "rate": True,
    "increase": True,
    "delta": True,
    "max_over_time": True,
    "absent": False,
    "vector": False,
    "histogram_quantile": False,
}
_OPERATORS = {"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"}


@dataclass(frozen=True)
class Expression:
    """What an expression names."""

    #: name of a metric -> labels that matchers ask for
    metrics: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    #: labels that results are grouped or joined by
    by: set[str] = field(default_factory=set)


def read(text: str) -> Expression:
    """An expression; raises ValueError where it is none."""
    reader = _Reader(text)
    reader.expression()
    reader.end()
    return reader.found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._at = text, list(_tokens(text)), 0
        self.found = Expression()

    def expression(self) -> None:
        self._operand()
        while self._kind() in ("sign", "name") and self._word() in _OPERATORS:
            self._at += 1
            if self._word() == "on":
                self._at += 1
                self.found.by.update(self._labels())
            self._operand()

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._wrong("an operator")

    def _operand(self) -> None:
        kind, word = self._kind(), self._word()
        if kind == "number":
            self._at += 1
        elif word == "(":
            self._bracketed()
        elif kind != "name":
            raise self._wrong("a value")
        else:
            self._at += 1
            self._named(word)

    def _named(self, word: str) -> None:
        if word in _AGGREGATIONS:
            if self._word() == "by":
                self._at += 1
                self.found.by.update(self._labels())
            self._bracketed()
        elif word in _FUNCTIONS:
            self._bracketed(ranged=_FUNCTIONS[word])
        else:
            self._selector(word)

    def _selector(self, name: str) -> None:
        matched = set()
        if self._word() == "{":
            self._at += 1
            while self._word() != "}":
                matched.add(self._take("name"))
                self._expect("=", "!=", "=~", "!~")
                self._take("string")
                if self._word() != "}":
                    self._expect(",")
            self._at += 1
        self.found.metrics.append((name, frozenset(matched)))

    def _bracketed(self, *, ranged: bool = False) -> None:
        self._expect("(")
        self.expression()
        if ranged:
            self._take("range")
        while self._word() == ",":
            self._at += 1
            self.expression()
        self._expect(")")

    def _labels(self) -> list[str]:
        self._expect("(")
        found = [self._take("name")]
        while self._word() == ",":
            self._at += 1
            found.append(self._take("name"))
        self._expect(")")
        return found

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _word(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, kind: str) -> str:
        if self._kind() != kind:
            raise self._wrong(kind)
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _expect(self, *words: str) -> None:
        if self._word() not in words:
            raise self._wrong(" or ".join(words))
        self._at += 1

    def _wrong(self, wanted: str) -> ValueError:
        before = " ".join(word for _, word in self._tokens[: self._at])
        return ValueError(f"{self._text}: {wanted} should come after {before!r}, not {self._word()!r}")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text}: nothing can be read at {text[at:]!r}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found
