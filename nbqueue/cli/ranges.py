"""Numbers on the command line, within bounds: what is refused is told in words that people use."""

from __future__ import annotations

import click


class Whole(click.IntRange):
    """The type of an option that takes a whole number."""

    name = "whole number"


class Number(click.FloatRange):
    """The type of an option that takes a number."""

    name = "number"
