"""Jobs that ask their engine for what they may not ask for, by frames of their own making."""

import time
from typing import Any

import nbqueue
from tests.attacks.hostile import _control, _own_number, frame

FORM: dict[str, Any] = {
    "function": "len", "lane": 1, "by_name": True, "group": "", "size": 0, "retry_of": "", "earlier": [],
    "options": {},
}  # fmt: skip
CALL = b"not looked at by anybody who holds a key"


def submit_frame(number: int, *, payload: bytes = CALL, form: Any = FORM, **fields: Any) -> bytes:
    """A question for a submit, with whatever in it."""
    header = {
        "t": "ask", "n": _own_number(), "q": number, "what": "submit", "form": form, "own": False,
        "jobs": [[f"forged-{number}", len(payload), [], "", {}]], **fields,
    }  # fmt: skip
    return frame(header, payload)


def ask_frame(number: Any, what: str, payload: bytes = b"", **fields: Any) -> bytes:
    """Another question."""
    return frame({"t": "ask", "n": _own_number(), "q": number, "what": what, **fields}, payload)


def forge(kind: str) -> str:
    """Ask what no job may ask, and wait to be stopped."""
    many = [f"job-{number}" for number in range(1001)]
    data = {
        "unknown question": lambda: ask_frame(1, "keys"),
        "no question": lambda: frame({"t": "ask", "n": _own_number(), "q": 1}),
        "another namespace": lambda: submit_frame(1, ns="theirs"),
        "another namespace in the form": lambda: submit_frame(1, form={**FORM, "ns": "theirs"}),
        "another namespace in the queue": lambda: submit_frame(1, form={**FORM, "options": {"queue": "theirs:arq"}}),
        "another namespace in the id": lambda: ask_frame(1, "records", jobs=["theirs:arq:job:1"]),
        "another parent": lambda: submit_frame(1, parent="somebody"),
        "an id in the options": lambda: submit_frame(1, form={**FORM, "options": {"job_id": "mine"}}),
        "unknown option": lambda: submit_frame(1, form={**FORM, "options": {"root": True}}),
        "a lane that is none": lambda: submit_frame(1, form={**FORM, "lane": 7}),
        "a name over the limit": lambda: submit_frame(1, form={**FORM, "function": "x" * 300}),
        "a call that is too large": lambda: submit_frame(1, jobs=[["a", 2**40, [], "", {}]]),
        "a call that is not there": lambda: submit_frame(1, jobs=[["a", 10, [], "", {}], ["b", 10**6, [], "", {}]]),
        "more than was listed": lambda: submit_frame(1, jobs=[["a", 1, [], "", {}]]),
        "a parent of another namespace": lambda: submit_frame(1, jobs=[["a", len(CALL), ["theirs:arq:job:1"], "", {}]]),
        "a digest that is none": lambda: submit_frame(1, jobs=[["a", len(CALL), [], "../", {}]]),
        "the place of what is not taken": lambda: submit_frame(1, jobs=[["a", len(CALL), ["b"], "", {"c": "d"}]]),
        "a place of another namespace": lambda: submit_frame(1, jobs=[["a", len(CALL), ["b"], "", {"b": "theirs:x"}]]),
        "no jobs": lambda: submit_frame(1, jobs=[], payload=b""),
        "too many jobs": lambda: ask_frame(1, "follow", jobs=many),
        "a job twice": lambda: ask_frame(1, "follow", jobs=["a", "a"]),
        "a job that is no text": lambda: ask_frame(1, "cancel", jobs=[{"id": 1}]),
        "a claim that is none": lambda: ask_frame(1, "ends", due=[["a", "first"]]),
        "a payload where none belongs": lambda: ask_frame(1, "states", b"x" * 1000, jobs=["a"]),
        "a number that is none": lambda: ask_frame("1", "states", jobs=["a"]),
        "a number twice": lambda: ask_frame(7, "rest") + ask_frame(7, "rest"),
        "two submits at once": lambda: submit_frame(1) + submit_frame(2),
        "pieces by no digest": lambda: ask_frame(1, "missing", digests=["../" * 20]),
        "no pieces": lambda: ask_frame(1, "missing", digests=[]),
        "a piece of nothing": lambda: ask_frame(1, "piece"),
        "a piece with a name": lambda: ask_frame(1, "piece", CALL, digest="0" * 64),
        "two pieces at once": lambda: ask_frame(1, "piece", CALL) + ask_frame(2, "piece", CALL),
        "a flood": lambda: b"".join(ask_frame(number, "states", jobs=["a"]) for number in range(1, 500)),
    }[kind]()
    _control().sendall(data)
    time.sleep(20)
    return "survived"


def hoard(job_id: str, seconds: float) -> str:
    """Ask for one large result again and again, and take none: the courier of this process is kept from reading."""
    control = _control()
    control.sendall(b"".join(ask_frame(number, "ends", due=[[job_id, 1]]) for number in range(10**6, 10**6 + 60)))
    started = time.monotonic()
    while time.monotonic() < started + seconds:
        sum(range(10_000))
    return "done"


def large(size: int) -> bytes:
    """A large result."""
    return bytes(size)


def takes(job_id: str) -> str:
    """Wait for another job; what came of it."""
    try:
        return f"value {nbqueue.attach(job_id).wait().wait()}"
    except nbqueue.NbqueueError as error:
        return f"{type(error).__name__}: {error}"


def retries(job_id: str) -> str:
    """Submit another job's call again; what came of it."""
    try:
        return f"value {nbqueue.attach(job_id).wait().retry().wait().wait()}"
    except nbqueue.NbqueueError as error:
        return f"{type(error).__name__}: {error}"


def wrong() -> None:
    """Fail, so that the call is kept."""
    raise ValueError("wrong")


def rests_and_ends() -> str:
    """Give the slot back by hand, more often than there is one, and never take it again."""
    control = _control()
    for number in range(1, 20):
        control.sendall(ask_frame(10**6 + number, "rest"))
    time.sleep(0.3)
    return "ended"
