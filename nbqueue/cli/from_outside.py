"""A command whose options may also stand in the environment and in a file; its help has them in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from nbqueue.cli import config_file
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import variables

#: options that are for one call, and no lasting choice
_OF_THE_CALL = {"help", "check", "json"}
_PREFIX = "NBQUEUE_"
#: where it is kept which options stand elsewhere, and where
_PLACES = "nbqueue.places"


class Configured(click.Command):
    """What the command line says comes first, then the environment, then the file, then the defaults."""

    #: headings of the help, and the options below each, by name
    groups: Mapping[str, Sequence[str]] = {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words of the command line, with what stands elsewhere for those that are missing."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        words, _, _ = self.make_parser(ctx).parse_args(list(args))
        if words.get("help"):
            return super().parse_args(ctx, args)
        found = self._found(ctx, words)
        ctx.default_map = {name: value for name, (value, _) in found.items()}
        ctx.meta[_PLACES] = {_option(name): place for name, (_, place) in found.items() if words.get(name) is None}
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            name = error.param.name if error.param else None
            if name not in found or words.get(name) is not None:
                raise
            text = f"{error.message.rstrip('.')}. It stands in {found[name][1]}."
            raise click.BadParameter(text, ctx, error.param, error.param_hint) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; a fault of an option that is read later says where it stands, too."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            text = str(error)
            place = ctx.meta.get(_PLACES, {}).get(text.partition(" ")[0])
            if place is None:
                raise
            raise ConfigurationError(f"{text.rstrip('.')}. It stands in {place}.") from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options below their headings, those without one at the end."""
        written = {_key(each): record for each in self.get_params(ctx) if (record := _record(each, ctx))}
        grouped = {name for names in self.groups.values() for name in names}
        rest = {"Other options": [name for name in written if name not in grouped]}
        for heading, names in {**self.groups, **rest}.items():
            if lines := [written[name] for name in names if name in written]:
                with formatter.section(heading):
                    formatter.write_dl(lines)

    def _found(self, ctx: click.Context, words: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
        """What stands elsewhere, by the parameter's name: the value, and where it stands."""
        params = {_key(each): each.name or "" for each in self.get_params(ctx) if _key(each) not in _OF_THE_CALL}
        environment = variables()
        found: dict[str, tuple[Any, str]] = {}
        if path := words.get("config") or environment.get(f"{_PREFIX}CONFIG"):
            known = [key for key in params if key != "config"]
            given = config_file.read(path, self.name or "", known)
            found |= {params[key]: (value, str(path)) for key, value in given.items()}
        for key, name in params.items():
            variable = _PREFIX + key.upper()
            if text := environment.get(variable):
                found[name] = (text, variable)
        return found


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _record(param: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    """What the help says of an option."""
    return param.get_help_record(ctx) if isinstance(param, click.Option) else None


def _key(param: click.Parameter) -> str:
    """The name of an option as it stands in a file: `drain_timeout`."""
    return max(param.opts, key=len).lstrip("-").replace("-", "_")
