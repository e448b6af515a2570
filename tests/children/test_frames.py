"""Frames between an engine and a child: whole under any cut, refused where they are none."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.children import child_frames
from nbqueue.children.frames import BrokenFrame, Decoder, Frame, encode, head
from nbqueue.children.running import Run, Running
from nbqueue.children.wire import Wire

headers = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())).map(
    lambda found: {**found, "t": "kind"}
)
frames = st.lists(st.tuples(headers, st.binary(max_size=300)), max_size=8)


@given(frames, st.integers(1, 50))
def test_frames_are_whole_however_they_are_cut(sent: list[Frame], size: int) -> None:
    """A stream of frames gives the same frames, in whatever pieces it arrives."""
    stream = b"".join(encode(header, payload) for header, payload in sent)
    decoder = Decoder(1_000)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in decoder.feed(piece)] == sent


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 8,
        struct.pack(">II", 2**20 + 1, 0),
        struct.pack(">II", 2, 1_001),
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 2, 0) + b"{}",
        struct.pack(">II", 2, 0) + b"\xff\xff",
        struct.pack(">II", 7, 0) + b'{"t":1}',
        struct.pack(">II", 200_000, 0) + b"[" * 200_000,
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    """Lengths over the limits are refused before anything is allocated, headers that are not ours when complete."""
    with pytest.raises(BrokenFrame):
        Decoder(1_000).feed(data)


def test_families_that_a_child_names_are_checked() -> None:
    """What is no list of names that are known says nothing."""
    told = [{"loaded": each} for each in (["ortools", "quantum", 7, ["highspy"], "highspy"], 7, "ortools", None)]
    assert [child_frames.loaded({"t": "end", **each}) for each in (*told, {})] == [
        ["ortools", "highspy"],
        [],
        [],
        [],
        [],
    ]


def test_only_the_last_state_of_a_read_counts() -> None:
    """Of a run's progress and checkpoints the last is kept; lines of its log are kept all."""
    sent: list[Frame] = [
        ({"t": "progress", "n": 1, "p": {"done": 1}}, b""),
        ({"t": "log", "n": 1, "text": "a"}, b""),
        ({"t": "checkpoint", "n": 1}, b"1"),
        ({"t": "progress", "n": 2, "p": {"done": 5}}, b""),
        ({"t": "progress", "n": 1, "p": {"done": 2}}, b""),
        ({"t": "log", "n": 1, "text": "b"}, b""),
        ({"t": "checkpoint", "n": 1}, b"2"),
    ]
    assert child_frames.merged(sent) == [sent[index] for index in (1, 3, 4, 5, 6)]


@pytest.mark.parametrize(
    "header",
    [
        {"t": "end", "n": 1, "how": "returned", "codec": None},
        {"t": "end", "n": 1, "how": "raised", "error": []},
        {"t": "end", "n": 1, "how": "raised", "error": {"type": 1, "message": "", "traceback": ""}},
        {"t": "end", "n": 1},
    ],
)
def test_an_end_that_is_none_is_refused(header: dict[str, object]) -> None:
    """An end whose fields are not as agreed raises what the engine takes for a breach."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        child_frames.end(header, b"")


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (-1, None), ("1", None), (float("nan"), None), (None, None)])
def test_facts_of_a_child_are_numbers_or_nothing(value: object, number: float | None) -> None:
    """A fact that is no finite number from 0 up is not known."""
    assert child_frames.number(value) == number


texts = st.text(st.characters(codec=None), max_size=20)
checkpoints = st.none() | st.binary(max_size=3)
tags = st.lists(texts, max_size=2).map(tuple)


@given(texts, texts, texts, tags, st.none() | st.floats(0, 1e9), checkpoints)
def test_the_head_of_a_run_says_what_the_run_is(  # noqa: PLR0917 - all of it
    job_id: str, function: str, folder: str, tags: tuple[str, ...], timeout_s: float | None, checkpoint: bytes | None
) -> None:
    """It is written as text, and read as JSON whatever stands in it; what a run has not is left out."""
    run = Run(
        job_id=job_id, attempt=2, fence=3, function=function, payload=b"call", folder=folder, tags=tags, label=function,
        timeout_s=timeout_s, checkpoint=checkpoint, plain=bool(tags), run_in="async",
    )  # fmt: skip
    loop = asyncio.new_event_loop()
    try:
        sent = b"".join(child_frames.run(Running(run, 7, loop), 10))
    finally:
        loop.close()
    [(header, payload)] = Decoder(100).feed(sent)
    always = {"id", "function"}
    kept = None if checkpoint is None else len(checkpoint)
    job = {"id": job_id, "attempt": 2, "function": function, "cpus": 1, "label": function, "tags": list(tags)}
    expected = {
        "t": "run", "n": 7, "codec": "pickle", "in": "async", "limit": 10, "kept": kept, "plain": bool(tags) or None,
        "folder": folder or None, "job": {name: value for name, value in job.items() if value or name in always},
    }  # fmt: skip
    assert payload == b"call" + (checkpoint or b"")
    assert header == {name: value for name, value in expected.items() if value is not None} | {"timeout": timeout_s}


async def test_payloads_of_any_size_arrive_whole_and_in_order() -> None:
    """Small ones are copied behind their heads, large ones follow by themselves."""
    loop = asyncio.get_running_loop()
    near = Wire(loop, 10**6, lambda _: None, lambda _: None)
    assert near.theirs is not None
    near.theirs.settimeout(0)
    decoder = Decoder(10**6)
    got: list[Frame] = []
    sizes = [0, 1, 2**14 - 1, 2**14, 2**14 + 1, 300_000, 5]
    sent = [({"t": "run", "n": number}, bytes([number]) * size) for number, size in enumerate(sizes)]
    for header, payload in sent:
        near.send_parts(head(header, len(payload)), payload[:100], payload[100:])
    while len(got) < len(sent):
        got += decoder.feed(await loop.sock_recv(near.theirs, 4096))
    near.close()
    assert got == sent
