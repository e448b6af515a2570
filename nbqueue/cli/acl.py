"""The command that says which rights a user of a shared server needs."""

from __future__ import annotations

from pathlib import Path

import click

from nbqueue.broker.roles import ROLES, Role, hashed, rights
from nbqueue.cli.reach import with_settings
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings

#: stands where the password belongs: no server takes it as it is, as it is no word of theirs
PLACE = "PASSWORD-FILE-IS-MISSING"
#: servers read their append-only file as this user
_OWNER = "default"


class Roles(click.Choice[Role]):
    """The type of `--role`."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002
        """What is said where it was not given, on one line."""
        return f"Give one of {', '.join(self.choices)}."


@click.command()
@click.option("--role", type=Roles(ROLES), required=True,
              help="client: submits and looks after jobs; worker: runs them, too; viewer: only looks.")  # fmt: skip
@click.option("--user", metavar="NAME", help="The user's name.  [default: nbqueue- and the role]")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Its first line is the password; printed is its SHA-256, as servers take it.")  # fmt: skip
@click.option("--acl-file", is_flag=True, help="Print it as a line of the server's `aclfile`, not as a command.")
@with_settings
def acl(settings: Settings, *, role: Role, user: str | None, password_file: Path | None, acl_file: bool) -> None:
    """Print the rights of a role, for users of a shared server.

    It is the command that makes a user with these rights and no more, for whoever runs the server (redis-cli,
    valkey-cli). The user reaches the keys of the namespace alone, and no command that changes, stops or empties the
    server. A server keeps such users only in its `aclfile`: write them there by --acl-file, or run ACL SAVE. Leave the
    user `default` its rights, also where it is off: servers read their append-only file as this user.
    """
    name = user or f"nbqueue-{role}"
    if not name.isascii() or not name.isprintable() or " " in name:
        raise ConfigurationError(f"--user {name!a} cannot be used: give letters, digits and signs without spaces.")
    if name == _OWNER:
        raise ConfigurationError(
            "--user default cannot be used: servers read their append-only file as this user, and lose all jobs at "
            "their next start where it has few rights: choose another name."
        )
    proof = PLACE if password_file is None else hashed(_first_line(password_file))
    words = ["reset", "on", proof, *rights(role, settings.namespace)]
    if password_file is None:
        click.echo(
            f"nbqueue: {name} has no password yet: give --password-file, or write the password with a > before it in "
            f"the place of {PLACE}, which no server takes.", err=True,
        )  # fmt: skip
    click.echo(" ".join(("user" if acl_file else "ACL SETUSER", name, *words)))


def _first_line(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"The password file {path} cannot be read ({error}).") from error
    if not password:
        raise ConfigurationError(f"The first line of the password file {path} is empty: write the password there.")
    return password
