"""Commands about the signing keys: a fresh one, rotation, and their way to another machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from nbqueue.broker import key_file
from nbqueue.broker.handshake import agree, give_up
from nbqueue.broker.key_use import ALERTS, MESSAGES, SCHEDULES, WAITING, Signed, signed
from nbqueue.broker.signing import Keyring
from nbqueue.cli import tables
from nbqueue.cli.reach import ListingGroup, Server, as_json, asking, with_settings
from nbqueue.display.wording import duration
from nbqueue.errors import ConfigurationError, NbqueueError
from nbqueue.model.settings import Settings

HEADINGS = ("KEY", "IS")
_LARGEST_INPUT_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key as it is shown."""

    id: str
    #: whether new jobs are signed with it; the others are accepted
    signs: bool


def with_key_file(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `with_settings`, and the file of the keys; the command gets `settings` and `path`."""

    def run(settings: Settings, key_file: Path | None, **given: Any) -> Any:
        return command(settings=settings, path=(key_file or settings.signing_key_file).expanduser().absolute(), **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    option = click.option("--key-file", type=click.Path(path_type=Path), help="Their file (NBQUEUE_KEY_FILE).")
    return with_settings(option(run))


@click.command("list")
@as_json
@with_key_file
def listed(settings: Settings, *, path: Path, json_wanted: bool) -> None:  # noqa: ARG001 - the server is not asked
    """Show the ids of the keys, and which of them signs."""
    found = [SigningKey(id=key_id, signs=not place) for place, key_id in enumerate(_held(path))]
    if json_wanted:
        tables.print_json(found)
    else:
        tables.print_table(HEADINGS, [(each.id, "signing" if each.signs else "accepted") for each in found])


@click.command()
@as_json
@with_key_file
def new(settings: Settings, *, path: Path, json_wanted: bool) -> None:  # noqa: ARG001
    """Make a key.

    In a file that has one already it comes after the others: it is accepted and does not sign before `rotate --to`.
    """
    with key_file.changing(path):
        if key_file.make(path):
            key_id = next(iter(key_file.read(path)))
            _say(SigningKey(id=key_id, signs=True), f"Key {key_id} signs from now on: {path}.", json_wanted=json_wanted)
            return
        made = key_file.new_key()
        key_file.replace(path, {**key_file.read(path), **made})
    key_id = next(iter(made))
    sentence = (
        f"Key {key_id} is accepted by those who have {path}. Take it to the other machines (export, import), then let "
        f"it sign: nbqueue signing-key rotate --to {key_id}."
    )
    _say(SigningKey(id=key_id, signs=False), sentence, json_wanted=json_wanted)


@click.command()
@click.option("--to", "key_id", metavar="ID", help="A key of the file that is to sign.  [default: a fresh one]")
@with_key_file
def rotate(settings: Settings, *, path: Path, key_id: str | None) -> None:  # noqa: ARG001
    """Sign with another key from now on; those before it stay accepted.

    Workers and notebooks that have this very file take it up within a second, without a restart. Machines with a copy
    of it must know the new key before it signs: make it with `new`, export and import it there, then `rotate --to ID`.
    """
    with key_file.changing(path):
        held = _held(path)
        chosen = key_file.new_key() if key_id is None else {_known(key_id, held, path): held[key_id]}
        key_file.replace(path, {**chosen, **held})
    others = ", ".join(each for each in held if each not in chosen)
    click.echo(f"Key {next(iter(chosen))} signs from now on; still accepted: {others or 'no other'}.")
    click.echo(
        "Machines with a copy of this file need it, too: what is signed with it waits for workers that have it "
        "(export, import).", err=True,
    )  # fmt: skip


@click.command()
@click.argument("key_id", metavar="ID")
@click.option("--force", is_flag=True, help="Also where something is signed with it, or the server cannot be asked.")
@with_key_file
def remove(settings: Settings, *, path: Path, key_id: str, force: bool) -> None:
    """Accept a key no longer.

    Refused for the key that signs, and while the server has jobs, schedules, alerts, messages to webhooks, checkpoints
    or results signed with it: they could not run, be sent or be read. With --force also for a key that is not in the
    file any more, and that jobs still wait for.
    """
    with key_file.changing(path):
        held = _held(path)
        if key_id == next(iter(held)):
            raise ConfigurationError(f"Key {key_id} signs: let another one do so before, with `signing-key rotate`.")
        if not force:
            _known(key_id, held, path)
        left = _left(settings, path, key_id, force=force)
        if not left:
            _known(key_id, held, path)
        key_file.replace(path, {each: key for each, key in held.items() if each != key_id})
        _give_up(settings, key_id)
    click.echo(f"Key {key_id} is accepted no longer." + (f" It had signed {left}." if left else ""))


@click.command()
@with_key_file
def export(settings: Settings, *, path: Path) -> None:  # noqa: ARG001
    """Print the keys for `signing-key import` on another machine.

    Who reads them can run code on every worker. Over SSH they touch no disk on the way:
    nbqueue signing-key export | ssh HOST nbqueue signing-key import
    """
    click.echo(key_file.text(_held(path)), nl=False)


@click.command("import")
@with_key_file
def imported(settings: Settings, *, path: Path) -> None:  # noqa: ARG001
    """Take over the keys that `signing-key export` prints, from standard input.

    They come first, in their order, so that the same key signs on both machines; other keys of the file stay accepted.
    """
    given = key_file.parsed(sys.stdin.buffer.read(_LARGEST_INPUT_BYTES), "the keys on standard input")
    if not given:
        raise ConfigurationError(
            "There is no key on standard input: nbqueue signing-key export | ssh HOST nbqueue signing-key import."
        )
    with key_file.changing(path):
        held = key_file.read(path) if path.exists() else {}
        clash = [key_id for key_id, key in given.items() if held.get(key_id, key) != key]
        if clash:
            raise ConfigurationError(f"{path} has another key of the id {clash[0]}: remove or rename that one before.")
        key_file.replace(path, {**given, **held})
    first, *others = {**given, **held}
    click.echo(f"{path}: key {first} signs from now on; still accepted: {', '.join(others) or 'no other'}.")


signing_key = ListingGroup(
    "signing-key", help="Look after the keys that jobs are signed with.",
    commands=[listed, new, rotate, remove, export, imported],
)  # fmt: skip


def _say(key: SigningKey, sentence: str, *, json_wanted: bool) -> None:
    if json_wanted:
        tables.print_json(key)
    else:
        click.echo(sentence)


def _held(path: Path) -> dict[str, bytes]:
    if not path.exists():
        raise ConfigurationError(
            f"There is no signing key {path}: check the path; bring the team's key there with `nbqueue signing-key "
            "import`, or make the first one with `nbqueue signing-key new`."
        )
    return key_file.read(path)


def _known(key_id: str, held: Mapping[str, bytes], path: Path) -> str:
    if key_id not in held:
        raise ConfigurationError(f"{path} has no key {key_id!a}: it has {', '.join(held)}.")
    return key_id


def _left(settings: Settings, path: Path, key_id: str, *, force: bool) -> str:
    """What is still signed with a key, in words; raises ConfigurationError if it matters."""
    try:
        left = asking(settings, lambda server: _signed(server, Keyring.load(path), key_id))
    except NbqueueError as error:
        if force:
            return ""
        raise ConfigurationError(
            f"Key {key_id} stays, as the server cannot be asked what is signed with it: {error} With --force it goes."
        ) from error
    if left.counts and not force:
        raise ConfigurationError(f"Key {key_id} stays: {left} on the server are signed with it. {_way_on(left)}")
    return str(left)


def _give_up(settings: Settings, key_id: str) -> None:
    """Let nobody wait for it, as far as the server can be told."""
    try:
        asking(settings, lambda server: server.ask(lambda client: give_up(client, server.keys, key_id)))
    except NbqueueError as error:
        click.echo(
            f"What it had signed may go on waiting for workers that have it, as the server cannot be told: {error} "
            f"Once it can be, run `nbqueue signing-key remove --force {key_id}` again.", err=True,
        )  # fmt: skip


def _way_on(left: Signed) -> str:
    """How a key is got rid of that is still needed."""
    told = []
    if left.counts[WAITING] or left.counts[SCHEDULES] or left.counts[MESSAGES]:
        told.append("What waits or runs keeps it until its end, and a schedule until it is deleted or set anew.")
    if left.counts[ALERTS]:
        told.append("An alert keeps it until it is removed or added again.")
    if left.kept_ms is not None:
        told.append(
            f"The rest is kept for {duration(left.kept_ms / 1000)} at most; `nbqueue clear QUEUE --state failed "
            "--state succeeded` forgets it now."
        )
    return " ".join([*told, "With --force what waits fails, and results cannot be read any more."])


async def _signed(server: Server, keyring: Keyring, given_up: str) -> Signed:
    """What is signed with a key; and from now on who meets at the server is held to the key that signs."""

    async def look(client: Any) -> Signed:
        await agree(client, server.keys, keyring, instead_of=given_up)
        return await signed(client, server.keys, given_up)

    found: Signed = await server.ask(look)
    return found
