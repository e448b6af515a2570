"""Random small programs over three names, and what comes of them where only some of the names are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NAMES = "xyz"
#: what programs find besides
GIVEN = ("put", "flip", "boom", "opened", "suppress", "Expected", "B", "note", "some")
#: steps after which a program is stopped: loops may go on for ever
STEPS = 200

Lines = list[str]


class Expected(Exception):
    """What programs raise and catch."""


class Stopped(BaseException):
    """It takes too long."""


#: places where one of the names stands are written as {0} and {1}
_VALUES = (
    "1", "{0}", "{0} + {1}", "({0} := 1)",
    "(flip() and ({0} := 1))", "(({0} := 1) if flip() else {1})", "(0 < flip() < ({0} := 1))",
    "len([{0} for {0} in some()])", "len([({0} := 1) for _ in some()])", "len([{1} for _ in some() if {0}])",
    "(lambda: {0})()", "(lambda {0}: {0} + {1})(1)", "put('{0}')", "put({0}=1)",
)  # fmt: skip
_SIMPLE = (
    "{0} = {v}", "{0} = {1} = {v}", "{0}, {1} = {v}, 1", "{0} += {v}", "{0}: int", "{0}: int = {v}",
    "del {0}", "note({v})", "boom()", "assert flip(), ({0} := 1)", "from math import gcd as {0}", "import math as {0}",
    "global {0}", "globals()['{0}'] = 1", "exec('{0} = 1')",
)  # fmt: skip
_IN_FUNCTION = ("note({0})", "{0} = 1; note({0})", "global {0}; {0} = 1", "global {0}; del {0}", "return {0}")
_HEADS = (
    ("if {v}:", "else:"), ("if flip() and ({0} := 1):", "else:"), ("if flip():", "elif {v}:", "else:"),
    ("for {0} in some():", "else:"), ("while flip():", "else:"), ("while flip() and ({0} := {v}):",),
    ("with suppress(Expected):",), ("with suppress(Expected, NameError), opened() as {0}:",),
    ("with opened() as {0}:",), ("try:", "except Expected as {0}:", "else:", "finally:"),
    ("try:", "except (Expected, NameError):"), ("try:", "finally:"),
    ("try:", "except NameError as {0}:", "except Expected:"), ("try:", "except* Expected as {0}:"),
    ("class {0}:",), ("class {0}(B):",), ("class A:",),
)  # fmt: skip
_CALLS = {f"{name}()" for name in [*NAMES, "f"]}
_CASES = ("[{0}, *_]", "{{'k': {0}}}", "int() as {0} if {v}", "1 | 2 as {0}", "_ if {v}")


def programs() -> SearchStrategy[str]:
    """Code that compiles, mostly; with a few jumps out of loops."""
    return st.recursive(_simple(), _compound, max_leaves=12).map("\n".join)


def outcome(code: str, there: Sequence[str], flips: Sequence[bool]) -> tuple[list[object], str]:
    """What a program notes, and the error that it ends with, where only these names are there before."""
    noted: list[object] = []
    turns, steps = chain(flips, repeat(object=False)), iter(range(STEPS))

    def flip() -> bool:
        if next(steps, None) is None:
            raise Stopped
        return next(turns)

    def boom() -> None:
        if flip():
            raise Expected

    class Opened:
        def __enter__(self) -> int:
            boom()
            return 7

        def __exit__(self, *_: object) -> bool:
            return flip()

    def put(*found: str, **more: int) -> int:
        names.update(dict.fromkeys(found, 1) | more)
        return 1

    names: dict[str, Any] = {
        "flip": flip, "boom": boom, "opened": Opened, "suppress": suppress, "Expected": Expected, "B": object,
        "note": lambda value: noted.append(value if isinstance(value, int) else type(value).__name__),
        "put": put, "some": lambda: [5] if flip() else [], **{name: 10 + ord(name) for name in there},
    }  # fmt: skip
    try:
        exec(compile(code, "<program>", "exec"), names)
    except (Exception, Stopped) as error:  # noqa: BLE001 - whatever it is
        return noted, f"{type(error).__name__}: {error}"
    return noted, ""


@st.composite
def _filled(draw: Any, texts: Sequence[str]) -> str:
    names = [draw(st.sampled_from(NAMES)) for _ in range(2)]
    value = draw(st.sampled_from(_VALUES)).format(*[draw(st.sampled_from(NAMES)) for _ in range(2)])
    text: str = draw(st.sampled_from(texts)).format(*names, v=value)
    return text


def _simple() -> SearchStrategy[Lines]:
    return st.one_of(_filled(_SIMPLE).map(lambda line: [line]), _function())


@st.composite
def _function(draw: Any) -> Lines:
    name = draw(st.sampled_from([*NAMES, "f"]))
    called = draw(st.sampled_from([[], [f"{name}()"]]))
    return [f"def {name}(p={draw(_filled(_VALUES))}):", *_below([draw(_filled(_IN_FUNCTION))]), *called]


def _compound(inner: SearchStrategy[Lines]) -> SearchStrategy[Lines]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(lambda found: list(chain.from_iterable(found)))
    return st.one_of(blocks, _branches(blocks), _match(blocks))


@st.composite
def _branches(draw: Any, blocks: SearchStrategy[Lines]) -> Lines:
    heads = draw(st.sampled_from(_HEADS))
    found: Lines = []
    for head in heads:
        out = ["if flip(): break"] if head.startswith(("for", "while")) and draw(st.booleans()) else []
        block = [*out, *draw(blocks)]
        if head.startswith("class"):
            # a method that runs before there is its class, and needs an older one of that name, is left to `-i`
            block = [line for line in block if line.lstrip() not in _CALLS]
        found += [draw(_filled([head])), *_below(block)]
    return found


@st.composite
def _match(draw: Any, blocks: SearchStrategy[Lines]) -> Lines:
    cases = [draw(_filled(_CASES[:-1])), draw(_filled(_CASES[-1:]))][draw(st.integers(0, 1)) :]
    found = [f"match {draw(_filled(_VALUES))}:"]
    for case in cases:
        found += _below([f"case {case}:", *_below(draw(blocks))])
    return found


def _below(lines: Lines) -> Lines:
    return list(_indented(lines))


def _indented(lines: Lines) -> Iterator[str]:
    for line in lines:
        yield f"    {line}"
