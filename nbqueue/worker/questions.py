"""What a job may ask of its engine, and how its questions must look: what does not raises ValueError or the like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbqueue.model.errands import MOST_JOBS, Due, Form, Item
from nbqueue.model.names import check_job_id

#: the highest number of a question or a claim
_MOST = 2**53
#: what each question has beside its number and its kind
_FIELDS = {
    "submit": {"form", "own", "jobs"}, "missing": {"digests"}, "piece": set[str](),
    "records": {"jobs"}, "states": {"jobs"}, "cancel": {"jobs"}, "withdraw": {"jobs"},
    "call": {"jobs"}, "follow": {"jobs"}, "leave": {"jobs"}, "ends": {"due"}, "rest": set[str](), "back": set[str](),
}  # fmt: skip
#: what a digest of a call looks like, where there is one
_DIGEST = re.compile("(?:[0-9a-f]{64})?")
#: have a payload, and come one at a time
LARGE = {"submit", "piece"}
_FRAME = {"t", "n", "q", "what"}


def number_and_kind(header: Mapping[str, Any], payload: bytes) -> tuple[int, str]:
    """The number of a question and what it asks, where it has the fields that belong to that and no others."""
    number, what = header["q"], header["what"]
    if set(header) - _FRAME != _FIELDS[what] or type(number) is not int or not 0 < number < _MOST:
        raise ValueError("a question is none of those that a job may ask")
    if bool(payload) is not (what in LARGE):
        raise ValueError("a question has a payload that belongs to none, or lacks its own")
    return number, what


def submit(header: Mapping[str, Any], payload: bytes, limit_bytes: int) -> tuple[Form, list[Item], bool]:
    """What jobs have in common, the jobs, and whether their ids are made from what they are."""
    form, own, listed = Form.from_wire(header["form"]), header["own"], header["jobs"]
    if type(own) is not bool or not isinstance(listed, list) or not 0 < len(listed) <= MOST_JOBS:
        raise ValueError("a submit lists no jobs, or too many")
    job_ids = ids([job_id for job_id, *_ in listed])
    items, start = [], 0
    for job_id, (_, size, takes, digest, instead) in zip(job_ids, listed, strict=True):
        if type(size) is not int or not 0 < size <= limit_bytes:
            raise ValueError("a submit holds a call of a size that is not allowed")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError("a submit holds a digest that is none")
        taken = tuple(ids(takes)) if takes != [] else ()
        if not isinstance(instead, dict) or not instead.keys() <= set(taken):
            raise ValueError("a submit takes the place of results that are not taken")
        given = {name: check_job_id(each) for name, each in instead.items()}
        items.append(Item(job_id, payload[start : start + size], taken, digest, given))
        start += size
    if start != len(payload):
        raise ValueError("a submit holds other calls than it lists")
    return form, items, own


def ids(listed: Any) -> list[str]:
    """Ids of jobs, each once."""
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_JOBS:
        raise ValueError("a question names no jobs, or too many")
    found = [check_job_id(job_id) for job_id in listed]
    if len(set(found)) != len(found):
        raise ValueError("a question names a job twice")
    return found


def digests(listed: Any) -> list[str]:
    """What pieces of calls are called."""
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_JOBS:
        raise ValueError("a question names no pieces, or too many")
    if not all(isinstance(each, str) and each and _DIGEST.fullmatch(each) for each in listed):
        raise ValueError("a question names a piece by no digest")
    return listed


def due(listed: Any) -> list[Due]:
    """Jobs that have ended, and the numbers of their last claims."""
    if not isinstance(listed, list):
        raise TypeError("a question for ends lists none")
    fences = [fence for _, fence in listed]
    if not all(type(fence) is int and -1 <= fence < _MOST for fence in fences):
        raise ValueError("a question for ends names a claim that is none")
    return list(zip(ids([job_id for job_id, _ in listed]), fences, strict=True))
