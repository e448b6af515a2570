"""One attempt at a job: its claim, opened and verified."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.claims import Claim
from nbqueue.broker.envelope import open_sealed
from nbqueue.broker.inputs import Input
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import TamperedPayload, UnknownFunction
from nbqueue.model import names, plain_json
from nbqueue.model.options import DEFAULTS, Isolation, Options
from nbqueue.worker.shelf import Shelf

#: how arguments may be encoded
CODECS = ("pickle", "json")
#: the deepest JSON that a submission by hand may hold is given by the parser; the longest is this
JSON_LIMIT_BYTES = 1_000_000


@dataclass(frozen=True)
class Here:
    """Who runs attempts here, and with which keys."""

    keyring: Keyring
    keys: Keys
    engine_id: str
    host: str
    limit_bytes: int
    chance: Random
    versions: Mapping[str, str]
    #: functions that travel are refused, and so are arguments that are more than plain data
    only_registered: bool = False
    #: processors that each of its processes may use
    cpus: int = 1
    #: from which size on pieces of calls that jobs submit here are sent apart; 0: none is
    blob_bytes: int = 0

    @cached_property
    def shelf(self) -> Shelf:
        """Large pieces of calls that were read before."""
        return Shelf(self.keys)

    @cached_property
    def versions_json(self) -> str:
        """The versions as pairs of a JSON object."""
        return plain_json.encode(dict(self.versions))[1:-1]

    @cached_property
    def place_json(self) -> str:
        """Engine, host and what runs there as pairs of a JSON object."""
        place = {"worker": self.engine_id, "host": self.host}
        return plain_json.encode(place | {name: self.versions[name] for name in ("py", "v") if name in self.versions})[
            1:-1
        ]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A claim that was opened: what is to run, and since when."""

    claim: Claim
    #: the verified header of the submission
    header: dict[str, Any]
    payload: bytes
    options: Options
    #: name of a registered function; empty: the function travels in the payload
    name: str = ""
    #: whether its arguments may be plain data only
    plain: bool = False
    began_at: float = 0.0
    #: what an earlier attempt kept, and the results of other jobs, once they were read
    checkpoint: bytes | None = None
    #: bytes of log that earlier attempts left, once that was read; None: not known
    logged_bytes: int | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    #: the span that it is, as `inside/tracing.py` writes it; where nobody traces here that of its submit, or nothing
    trace: str = ""
    #: the function's label
    function: str = field(init=False)
    #: number of this attempt, from 1; what was given back without having run does not count
    number: int = field(init=False)

    def __post_init__(self) -> None:
        claim = self.claim
        self.function = str(self.header.get("fn", ""))
        self.number = claim.tries + claim.losses + claim.crashes + 1

    @property
    def label(self) -> str:
        """What it is called: its own label, or the function's."""
        return str(self.header.get("label") or self.function)

    @property
    def is_batch(self) -> bool:
        """Whether a function that is called by its name takes several items; code that travels sees to it itself."""
        return bool(self.name) and self.header.get("opt", {}).get("batch", 1) > 1

    def isolation(self, run_in: str) -> Isolation:
        """After a crash beside others a coroutine runs alone, so that the next crash tells whose it was."""
        if run_in != "process" and self.claim.losses + self.claim.crashes:
            return "fresh"
        return self.options.isolation


def open_attempt(claim: Claim, here: Here) -> Attempt:
    """The attempt of a claim: verified, versions compared. Raises an NbqueueError that names what is wrong."""
    names.check_job_id(claim.job_id)
    if claim.submission is None:
        raise TamperedPayload(f"Job {claim.job_id!a} has no submission in the store; it cannot run.")
    if claim.submission[:1] == b"{":
        return _by_hand(claim, here)
    sealed = open_sealed(here.keyring, claim.submission, kind="job", namespace=here.keys.namespace, job_id=claim.job_id)
    header = sealed.header
    _check_submitted(claim, header)
    if header["codec"] not in CODECS:
        raise TamperedPayload(f"Job {claim.job_id!a} is encoded as {header['codec']!a}, which is not known here.")
    if here.only_registered and header.get("by") != "name":
        raise UnknownFunction(
            f"Job {claim.job_id!a} brings its own function, and this worker runs registered ones only "
            "(--only-registered): submit it by the name of a registered one."
        )
    codec.check_versions(header)
    return Attempt(
        claim=claim,
        header=header,
        payload=sealed.payload,
        options=Options.from_wire(header.get("opt", {})),
        name=header["fn"] if header.get("by") == "name" else "",
        plain=here.only_registered,
        began_at=time.monotonic(),
    )


def _check_submitted(claim: Claim, header: Mapping[str, Any]) -> None:
    """Refuse a signed record that was moved to another queue, or put there again after its job had ended."""
    where = header.get("queue", claim.queue)
    if where != claim.queue:
        raise TamperedPayload(
            f"The record of job {claim.job_id!a} was refused: it was signed for queue {where!a}, "
            f"not for {claim.queue!a}.",
            reason="wrong queue",
        )
    if claim.adopted:
        raise TamperedPayload(
            f"The record of job {claim.job_id!a} was refused: it was never submitted here, or what was known of the "
            "job is gone. Submit it again.",
            reason="not submitted",
        )


def _by_hand(claim: Claim, here: Here) -> Attempt:
    """A submission as plain JSON, put in without a key: a registered function and JSON arguments, nothing else."""
    try:
        found = json.loads(claim.submission or b"") if len(claim.submission or b"") <= JSON_LIMIT_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("function"), str) or not found["function"]:
        raise TamperedPayload(
            f'Job {claim.job_id!a} is neither signed nor plain JSON: {{"function": name, "args": [], "kwargs": {{}}}}.'
        )
    args, kwargs = found.get("args", []), found.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict) or set(found) - {"function", "args", "kwargs"}:
        raise TamperedPayload(
            f'Job {claim.job_id!a}: "args" must be a list, "kwargs" an object, and there is nothing else.'
        )
    payload = json.dumps({"args": args, "kwargs": kwargs}).encode()
    header = {"fn": found["function"], "codec": "json", "label": found["function"]}
    return Attempt(
        claim=claim,
        header=header,
        payload=payload,
        options=DEFAULTS,
        name=found["function"],
        plain=here.only_registered,
        began_at=time.monotonic(),
    )
