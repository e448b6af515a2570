"""Durations on the command line: seconds, or text such as 90s, 5min, 2h, 1d."""

from __future__ import annotations

import math
from typing import Any

import click

from nbqueue.model import durations
from nbqueue.model.names import shown


class Seconds(click.types.FloatParamType):
    """The type of an option that takes a length of time; its value is seconds."""

    name = "duration"

    def __init__(self, least: float | None = None) -> None:
        #: what is shorter is refused here, where nobody else looks at it
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text, or of a default that is a number already."""
        try:
            seconds = durations.written(value) if isinstance(value, str) else float(value)
        except ValueError:
            self.fail(f"{shown(value)} is no duration: {durations.FORM}.", param, ctx)
        if self._least is not None and math.isnan(seconds):
            self.fail(f"{shown(value)} is no duration: {durations.FORM}.", param, ctx)
        if self._least is not None and seconds < self._least:
            self.fail(f"{shown(value)} is too short: give at least {self._least:g} s.", param, ctx)
        return seconds


SECONDS = Seconds()
