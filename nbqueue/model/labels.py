"""Labels: what a job asks of its worker that is not used up, such as `gpu` or `site=berlin`.

On the wire they are resources of which there is always enough: `+gpu`, `+site:berlin`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nbqueue.errors import ConfigurationError
from nbqueue.model import names, resources

#: labels of one job or worker
MOST = 16
#: what a worker has of each
PLENTY = 1e12

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}(?:=[A-Za-z0-9._-]{1,64})?\Z", re.ASCII)


def check(value: object, what: str = "labels") -> tuple[str, ...]:
    """The labels of an option like `["gpu", "site=berlin"]`, in order, or one sentence about what is wrong with it."""
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ConfigurationError(f'{what}={names.shown(value)} cannot be used: give a list such as ["site=berlin"].')
    if len(value) > MOST:
        raise ConfigurationError(f"{what} has {len(value)} labels: give at most {MOST}.")
    return tuple(sorted({_checked(each, what) for each in value}))


def parse(text: str, what: str = "labels") -> tuple[str, ...]:
    """The labels in a text like `gpu,site=berlin`."""
    return check([part.strip() for part in text.split(",") if part.strip()], what)


def offered(amounts: Mapping[str, float], labels: Iterable[str]) -> dict[str, float]:
    """What a worker with these resources and labels offers, as the server has it."""
    return {**amounts, **dict.fromkeys(map(_on_wire, labels), PLENTY)}


def needed(amounts: str, labels: Iterable[str]) -> str:
    """What a job needs that needs these resources, a canonical text, and labels: as canonical text."""
    return resources.canonical({**resources.known(amounts), **dict.fromkeys(map(_on_wire, labels), 1.0)})


def split(amounts: Mapping[str, float]) -> tuple[dict[str, float], tuple[str, ...]]:
    """The resources and the labels of what the server has of both."""
    plain = {name: amount for name, amount in amounts.items() if not name.startswith(resources.LABEL)}
    return plain, tuple(sorted(_read(name) for name in amounts if name.startswith(resources.LABEL)))


def in_words(needs: str) -> str:
    """What a job needs, as people write it: `gpu=1, label site=berlin`."""
    amounts, labels = split(resources.known(needs))
    said = [resources.canonical(amounts)] if amounts else []
    if labels:
        said.append(f"label{'s' if len(labels) > 1 else ''} {','.join(labels)}")
    return ", ".join(said) or needs


def options(needs: str) -> str:
    """The options of a worker that has it."""
    amounts, labels = split(resources.known(needs))
    found = [f"--resources {resources.canonical(amounts)}"] if amounts else []
    return " ".join([*found, *([f"--labels {','.join(labels)}"] if labels else [])])


def _checked(value: object, what: str) -> str:
    if isinstance(value, str) and _LABEL.match(value):
        return value
    raise ConfigurationError(
        f"{what} has {names.shown(value)}: write NAME or NAME=VALUE, each 1 to 64 letters, digits and . _ -, the name "
        "beginning with a letter."
    )


def _on_wire(label: str) -> str:
    return resources.LABEL + label.replace("=", ":")


def _read(name: str) -> str:
    return name.removeprefix(resources.LABEL).replace(":", "=")
