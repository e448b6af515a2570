"""What a child's frames mean. They come from a process that runs code of others: every field is checked."""

from __future__ import annotations

import json
import math
from typing import Any

from nbqueue.children.frames import Frame, Header, head_of_text
from nbqueue.children.handed import packed
from nbqueue.children.running import Listener, Running
from nbqueue.inside.values import encodable
from nbqueue.model import plain_json
from nbqueue.model.families import known
from nbqueue.model.outcome import ErrorInfo, Raised, Returned
from nbqueue.model.plain_json import quote

#: characters of an error's texts and number of its bases: what is sealed with a result has a limit
_NAME, _MESSAGE, _TRACEBACK, _BASES = 200, 4_000, 50_000, 50
#: what a job may know of itself and often has not
_TEXTS = ("queue", "label", "group")
#: of these only the last of a read counts
_STATES = frozenset({"progress", "checkpoint", "partial"})


def run(running: Running, limit_bytes: int) -> list[bytes | memoryview]:
    """The frame that tells a child of a run, in parts: the head; then its call, the results it takes, its checkpoint.

    It is JSON whose constant parts are written here as text, as every job comes this way.
    """
    run = running.run
    more = ""
    for name in _TEXTS:
        if value := getattr(run, name):
            more += f',"{name}":{quote(value)}'
    if run.tags:
        more += f',"tags":{json.dumps(run.tags)}'
    text = (
        f'{{"t":"run","n":{running.number},"job":{{"id":{quote(run.job_id)},"attempt":{run.attempt},'
        f'"function":{quote(run.function)},"cpus":{run.cpus}{more}}},"codec":"{run.codec}","in":"{run.run_in}",'
        f'"timeout":{json.dumps(run.timeout_s)},"limit":{limit_bytes}'
    )
    parts: list[bytes | memoryview] = [run.payload]
    if run.inputs:
        index_bytes, handed = packed(run.inputs)
        parts += handed
        text += f',"inputs":[{index_bytes},{sum(map(len, handed))}]'
    if run.checkpoint is not None:
        parts.append(run.checkpoint)
        text += f',"kept":{len(run.checkpoint)}'
    for name, is_so in (("plain", run.plain), ("batch", run.is_batch)):
        text += f',"{name}":true' if is_so else ""
    for name, count in (("blob", run.blob_bytes), ("tries", run.tries)):
        text += f',"{name}":{count}' if count else ""
    if run.asking:
        text += f',"retry":{plain_json.encode(run.asking)}'
    for name, where in (("trace", run.trace), ("folder", run.folder)):
        text += f',"{name}":{quote(where)}' if where else ""
    return [head_of_text(text + "}", sum(map(len, parts))), *parts]


def merged(frames: list[Frame]) -> list[Frame]:
    """The frames of one read, where of a run's progress, checkpoints and partial answers only the last is left."""
    if not any(header["t"] in _STATES for header, _ in frames):
        return frames
    last = {(frame[0]["t"], frame[0].get("n")): index for index, frame in enumerate(frames)}
    return [
        frame
        for index, frame in enumerate(frames)
        if frame[0]["t"] not in _STATES or last[frame[0]["t"], frame[0].get("n")] == index
    ]


def deliver(listener: Listener, job_id: str, header: Header, payload: bytes) -> None:
    """Tell the listener what a run reports; raises where it is nothing that a run may say."""
    match header:
        case {"t": "progress", "p": dict(wire)}:
            listener.progress(job_id, wire)
        case {"t": "log", "text": str(text)}:
            listener.log(job_id, encodable(text))
        case {"t": "checkpoint"}:
            listener.checkpoint(job_id, payload)
        case _:
            raise ValueError(f"a child sent a frame that is not known: {header['t']!r:.60}")


def partial(header: Header, payload: bytes) -> Returned:
    """What a run would hand back by now."""
    if (codec := header.get("codec")) in ("pickle", "json"):
        return Returned(payload, codec)
    raise ValueError("a child sent a partial answer that is none")


def end(header: Header, payload: bytes) -> Returned | Raised:
    """The end that a run reports."""
    how, codec, error = header.get("how"), header.get("codec"), header.get("error")
    if how == "returned" and codec in ("pickle", "json"):
        return Returned(payload, codec)
    if how == "raised" and isinstance(error, dict):
        return Raised(_error(error, payload))
    raise ValueError("a child sent an end that is none")


def loaded(header: Header) -> list[str]:
    """The families that a child says it has loaded."""
    found = header.get("loaded")
    return [name for name in found if known(name)] if isinstance(found, list) else []


def number(value: Any) -> float | None:
    """A finite number that is not negative, or None."""
    fits = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if fits else None


def whole(value: Any) -> int | None:
    """A whole number that is not negative, or None."""
    return value if type(value) is int and value >= 0 else None


def _error(fields: dict[str, Any], pickled: bytes) -> ErrorInfo:
    return ErrorInfo(
        type=_text(fields["type"])[:_NAME],
        message=_text(fields["message"])[:_MESSAGE],
        traceback=_text(fields["traceback"])[-_TRACEBACK:],
        bases=tuple(_text(base)[:_NAME] for base in fields["bases"][:_BASES]),
        pickled=pickled,
        retry_after_s=number(fields["retry_after_s"]),
        backoff_s=number(fields.get("backoff_s")),
        final=fields.get("final") is True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a child sent an error whose fields are no text")
    return encodable(value)
