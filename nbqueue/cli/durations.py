"""Durations on the command line: seconds, or text such as 90s, 5min, 2h, 1d."""

from __future__ import annotations

import re
from typing import Any

import click

from nbqueue.model import durations
from nbqueue.model.names import shown

#: as it is often written in a shell
_MINUTES = re.compile(r"(\d)\s*m\s*\Z")


class Seconds(click.types.FloatParamType):
    """The type of an option that takes a length of time; its value is seconds."""

    name = "duration"

    def __init__(self, least: float | None = None) -> None:
        #: what is shorter is refused here, where nobody else looks at it
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text, or of a default that is a number already."""
        found = durations.read(_MINUTES.sub(r"\1min", value)) if isinstance(value, str) else None
        try:
            seconds = float(value) if found is None else found
        except ValueError:
            self.fail(f"{shown(value)} is no duration: give seconds, or text such as 90s, 5min, 2h or 1d.", param, ctx)
        if self._least is not None and not seconds >= self._least:
            self.fail(f"{shown(value)} is too short: give at least {self._least:g} s.", param, ctx)
        return seconds


SECONDS = Seconds()
