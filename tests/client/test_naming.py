"""A job that runs again names the jobs it submits as before, where they are the same."""

from dataclasses import replace

from nbqueue.broker import codec
from nbqueue.broker.jobs import Origin
from nbqueue.client.draft import Order
from nbqueue.client.naming import Repeatable
from nbqueue.model.names import check_job_id
from nbqueue.model.options import Options, check

ORDER = Order(options=Options(), function="f", lane=1, origin=Origin())
A, B = codec.dump_call("f", ("a",), {}), codec.dump_call("f", ("b",), {})


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
        Repeatable("job/0")(ORDER, [A, B]),
        Repeatable("job/0")(replace(ORDER, group="group"), [A]),
    }
    assert len(names) == 8


def test_where_it_is_submitted_from_does_not_count() -> None:
    """The folder of a child is none of the job's own."""
    there = replace(ORDER, origin=Origin(user="me", folder="/elsewhere"))
    assert Repeatable("job/0")(there, [A]) == Repeatable("job/0")(ORDER, [A])
