"""Commands, options and what may stand behind them, as scripts of shells need it; read from the commands themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

#: what an option or argument of that name takes from the server
_OF_SERVER: Mapping[str, str] = {
    "queue": "queues", "queues": "queues", "dead": "queues", "into": "queues", "job_ids": "jobs", "work_id": "jobs",
    "after": "jobs", "group": "groups", "function": "functions",
}  # fmt: skip
#: where the command says more than the name: of arguments
_ARGUMENTS: Mapping[tuple[str, str], str] = {
    ("submit", "name"): "functions", ("map", "name"): "functions",
    ("logs", "job_id"): "jobs", ("jobs", "job_id"): "jobs",
    ("signing-key remove", "key_id"): "keys", ("signing-key rotate", "key_id"): "keys",
    **{(verb, "job_ids"): "live" for verb in ("cancel", "promote", "reschedule", "priority", "move")},
    ("retry", "job_ids"): "ended",
    **{(f"schedules {verb}", "names"): "schedules" for verb in ("pause", "resume", "delete")},
    **{(f"schedules {verb}", "name"): "schedules" for verb in ("change", "trigger")},
}  # fmt: skip
#: a file or folder
FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What may stand in one place."""

    #: of `nbqueue words`, or FILE; empty: nobody knows
    kind: str = ""
    #: one of these
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a command."""

    #: all of its names
    names: tuple[str, ...]
    help: str = ""
    #: what stands behind it; None: it is a flag
    value: Value | None = None
    #: may be given several times
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A command, or one of a command."""

    #: "jobs", "schedules add"
    name: str
    help: str = ""
    options: tuple[Option, ...] = ()
    #: what its arguments are, in order
    arguments: tuple[Value, ...] = ()
    #: the last of them may be given several times
    many: bool = False
    #: the commands that it has itself
    verbs: tuple[Verb, ...] = ()


def verbs(names: Sequence[str], load: Callable[[str], click.Command]) -> Iterator[Verb]:
    """The commands of these names, but for those that are not for people."""
    for name in names:
        command = load(name)
        if not command.hidden:
            yield _verb(name, command)


def _verb(name: str, command: click.Command) -> Verb:
    inner = command.commands if isinstance(command, click.Group) else {}
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return Verb(
        name=name,
        help=command.get_short_help_str(200),
        options=(*_options(name, command), Option(names=("-h", "--help"), help="Show what it does.")),
        arguments=tuple(_value(name, each) for each in arguments),
        many=any(each.nargs == -1 for each in arguments),
        verbs=tuple(_verb(f"{name} {each}", found) for each, found in inner.items()),
    )


def _options(verb: str, command: click.Command) -> Iterator[Option]:
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            value = None if each.is_flag else _value(verb, each)
            yield Option(
                names=(*each.opts, *each.secondary_opts),
                help=_sentence(each.help or ""),
                value=value,
                many=each.multiple,
            )


def _sentence(text: str) -> str:
    """The first sentence of a help."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


def _value(verb: str, given: click.Parameter) -> Value:
    if isinstance(given.type, click.Choice):
        return Value(choices=tuple(map(str, given.type.choices)))
    if isinstance(given.type, click.Path | click.File):
        return Value(kind=FILE)
    name = given.name or ""
    # the id that a job gets is none that is there
    found = _OF_SERVER.get(name, "")
    is_argument = isinstance(given, click.Argument) or found == ""
    return Value(kind=_ARGUMENTS.get((verb, name), found) if is_argument else found)
