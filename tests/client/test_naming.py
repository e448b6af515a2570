"""A job that runs again names the jobs it submits as before, where they are the same."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nbqueue.broker import codec
from nbqueue.broker.jobs import Origin
from nbqueue.client.draft import Order
from nbqueue.client.naming import Repeatable, mark
from nbqueue.client.submission import draft_many, draft_one
from nbqueue.model.names import check_job_id
from nbqueue.model.options import Options, check
from nbqueue.model.settings import Settings

ORDER = Order(options=Options(), function="f", lane=1, origin=Origin())
A, B = b"a", b"b"


def test_the_same_calls_have_the_same_names_in_each_run() -> None:
    """Also in another order: a call is known by what it is, and by how often it came before."""
    first, second = Repeatable("job/0"), Repeatable("job/0")
    names = [first(ORDER, [call]) for call in (A, B, A)]
    again = [second(ORDER, [call]) for call in (A, A, B)]
    assert (names[0], names[2], names[1]) == tuple(again)
    assert len({*names}) == 3
    assert [check_job_id(name) for name in names] == names


def test_what_differs_has_another_name() -> None:
    """Another job, another try, other options, another function, other arguments: none is taken for the other."""
    names = {
        Repeatable("job/0")(ORDER, [A]),
        Repeatable("job/1")(ORDER, [A]),
        Repeatable("other/0")(ORDER, [A]),
        Repeatable("job/0")(replace(ORDER, options=check(queue="nightly")), [A]),
        Repeatable("job/0")(replace(ORDER, function="g"), [A]),
        Repeatable("job/0")(ORDER, [B]),
        Repeatable("job/0")(ORDER, [A, b""]),
        Repeatable("job/0")(replace(ORDER, group="group"), [A]),
    }
    assert len(names) == 8


def test_where_it_is_submitted_from_does_not_count() -> None:
    """The folder of a child is none of the job's own."""
    there = replace(ORDER, origin=Origin(user="me", folder="/elsewhere"))
    assert Repeatable("job/0")(there, [A]) == Repeatable("job/0")(ORDER, [A])


@pytest.mark.parametrize("levels", [0, 250])
def test_calls_that_differ_in_a_large_array_alone_have_other_names(levels: int) -> None:
    """Also where the call is known by its bytes, as it is too deep for a digest: the array is not among these."""
    deep: list[Any] = []
    for _ in range(levels):
        deep = [deep]

    def names(value: float) -> set[str]:
        args, naming = (deep, np.full(100_000, value)), Repeatable("job/0")
        one = draft_one(Settings(), "f", args, {}, {}, naming=naming, sharing=True)
        many = draft_many(Settings(), "f", [args], {}, naming=naming, sharing=True)
        assert (one.size < 10_000, many[0].size < 10_000) == (True, True)
        return {one.job_id, many[0].job_id, many.order.group}

    assert names(1.0) == names(1.0)
    assert len(names(1.0) | names(2.0)) == 6


def code(annotation: str) -> Any:
    """A function by value, as a cell makes it, with an annotation of this very text."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def add(ledger, number):\n    return number in {'a', 'b', 'c'}", space)
    space["add"].__annotations__ = {annotation: "number"}
    return space["add"]


def test_a_call_is_the_same_whatever_its_process_did_before() -> None:
    """Names that came to another process are other objects than those of the code: then the bytes of a call differ."""
    [mine] = [name for name in code("").__code__.co_varnames if name == "ledger"]
    one, equal = code(mine), code("".join(list("ledger")))
    payloads = [codec.dump_call(fn, (1, 2), {}) for fn in (one, equal)]
    assert payloads[0] != payloads[1]
    assert mark(one, (1, 2), {}, payloads[0]) == mark(equal, (1, 2), {}, payloads[1])
    assert mark(one, (1, 2), {}, payloads[0]) != mark(one, (1, 3), {}, payloads[0])
    assert mark(one, (1, 2), {}, payloads[0]) != mark(len, (1, 2), {}, payloads[0])


def test_a_call_is_the_same_in_another_process() -> None:
    """Sets are in another order there."""
    script = (
        "from nbqueue.broker import codec; from nbqueue.client.naming import mark;"
        "from tests.client.test_naming import code;"
        "fn, args = code('ledger'), ({'a', 'b', 'c'}, {'x': 1});"
        "print(mark(fn, args, {}, b'').decode(), codec.dump_call(fn, args, {}).hex())"
    )
    said = {
        tuple(subprocess.check_output([sys.executable, "-c", script], env={**os.environ, **more}, text=True).split())
        for more in ({"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)} for seed in (1, 2, 3))
    }
    assert len({found for found, _ in said}) == 1
    assert len({payload for _, payload in said}) > 1


class Odd:
    """What pickles itself otherwise each time."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (float, (time.perf_counter(),))


def test_what_has_no_digest_is_known_by_its_bytes() -> None:
    """It can be sent, so it has a name, though perhaps another one in the next run."""
    assert mark(len, (Odd(),), {}, b"bytes") == b"bytes"
