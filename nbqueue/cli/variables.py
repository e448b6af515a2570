"""Variables of the environment that look like ours and that nobody reads: slips, else passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches

import click

from nbqueue.model.settings import Settings, variables

PREFIX = "NBQUEUE_"
#: those that no setting and no option of a command stands for
_OTHERS = ("CONFIG", "DASHBOARD_TOKEN", "MACHINE", "NONINTERACTIVE", "WIDGETS")
#: how alike two names must be: two slips in a long one
_NEAR = 0.85


def slips(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A sentence for each variable that nobody reads, and that is written nearly as one of ours."""
    known = [PREFIX + name for name in sorted(_known())]
    for name in sorted(variables() if environment is None else environment):
        if name.startswith(PREFIX) and name not in known and (near := get_close_matches(name, known, 1, _NEAR)):
            yield f"nobody reads {name}: did you mean {near[0]}?"


def _known() -> set[str]:
    """The names behind the prefix."""
    from nbqueue.cli import load

    options = {
        max(each.opts, key=len).lstrip("-").replace("-", "_").upper()
        for name in ("worker", "web") for each in load(name).params if isinstance(each, click.Option)
    }  # fmt: skip
    return {*_OTHERS, *(item.name.upper() for item in fields(Settings)), *options}
