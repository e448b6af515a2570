"""Results of other jobs in the frames that tell a child of its run."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.broker import codec
from nbqueue.broker.inputs import Input, Problem
from nbqueue.children import child_frames
from nbqueue.children.frames import Decoder
from nbqueue.children.handed import unpacked
from nbqueue.children.pool import Children
from nbqueue.children.running import Run, Running
from nbqueue.model.output import Output, StandIn
from tests.children.listening import a_run, value_of

INPUTS = st.builds(
    Input,
    st.binary() | st.integers(2**14 - 1, 2**14 + 1).map(bytes),
    st.sampled_from(["pickle", "json"]),
    st.none() | st.builds(Problem, st.text(), st.text(), st.text()),
)


@given(st.dictionaries(st.text(), INPUTS), st.none() | st.binary(), st.binary())
def test_what_is_handed_over_arrives(inputs: dict[str, Input], checkpoint: bytes | None, call: bytes) -> None:
    """Call, results and checkpoint come apart again as they were put together."""
    run = Run(
        job_id="j", attempt=1, fence=1, function="f", payload=call, codec="pickle", checkpoint=checkpoint, inputs=inputs
    )
    loop = asyncio.new_event_loop()
    try:
        parts = child_frames.run(Running(run, 1, loop), 10)
    finally:
        loop.close()
    [(header, payload)] = Decoder(10**7).feed(b"".join(parts))
    found_call, found, kept = unpacked(header, payload)
    assert (bytes(found_call), kept) == (call, checkpoint)
    assert list(found) == list(inputs)
    assert {name: each._replace(payload=bytes(each.payload)) for name, each in found.items()} == inputs


VALUE = Input(codec.dump_value("abc"))


class Handle(Output):
    """Stands for the result of the job "a"."""

    def __nbqueue_output__(self) -> StandIn:
        return StandIn(job_ids=("a",))


async def describe(value: Any) -> tuple[str, int]:
    """What came."""
    return type(value).__name__, len(value)


@pytest.mark.parametrize("size", [10, 20_000_000])
@pytest.mark.parametrize("run_in", ["process", "async", "thread"])
async def test_a_child_gets_the_value(children: Children, run_in: Any, size: int) -> None:
    """In every kind of child, whatever its size, beside a checkpoint."""
    payload = codec.dump_call(describe, (Handle(),), {}, [])
    inputs = {"a": Input(codec.dump_value(b"x" * size))}
    run = a_run(describe, payload=payload, inputs=inputs, checkpoint=codec.dump_value(1), run_in=run_in)
    assert value_of(await children.begin(run).wait()) == ("bytes", size)


async def test_what_a_run_took_is_let_go_once_it_runs(children: Children) -> None:
    """The engine holds it only for as long as the child may have to be given it again."""
    running = children.begin(a_run(len, payload=codec.dump_call(len, (Handle(),), {}, []), inputs={"a": VALUE}))
    assert running.run.inputs == {"a": VALUE}
    assert value_of(await running.wait()) == 3
    assert running.run.inputs == {}
