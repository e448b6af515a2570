"""The command `nbqueue web`: the queue over HTTP."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
from functools import partial
from pathlib import Path
from typing import Any

import click

from nbqueue.cli.ranges import Number, Whole
from nbqueue.cli.reach import with_settings
from nbqueue.cli.session import here
from nbqueue.client.session import Session, session
from nbqueue.errors import ConfigurationError
from nbqueue.model import log_lines
from nbqueue.model.log_lines import LogFormat
from nbqueue.model.settings import Settings

_NEEDED = ("starlette", "uvicorn", "jinja2")
DEFAULT_PORT = 8080


class Port(Whole):
    """A port; what Kubernetes puts into the environment of a service called nbqueue is none, and passed over."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        from_kubernetes = isinstance(value, str) and value.startswith("tcp://")
        return int(super().convert(DEFAULT_PORT if from_kubernetes else value, param, ctx))


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, envvar="NBQUEUE_HOST", help="Address to listen on (NBQUEUE_HOST)."
)
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=Port(0, 65_535),
    envvar="NBQUEUE_PORT",
    help="Port to listen on; 0: a free one (NBQUEUE_PORT).",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    envvar="NBQUEUE_TOKEN_FILE",
    help="File with the token that callers show.  [default: web.token beside the signing key, made at the first start]",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    envvar="NBQUEUE_ALLOW_HOST",
    help="A name that it is called by, such as queue.example, or queue.example:8443; can be given again.",
)
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    envvar="NBQUEUE_ROOT_PATH",
    help="The path that a proxy before it takes away, such as /queue.",
)
@click.option("--read-only", is_flag=True, envvar="NBQUEUE_READ_ONLY", help="Show everything, change nothing.")
@click.option(
    "--request-timeout", default=15.0, show_default=True, type=Number(0.1, 600),
    envvar="NBQUEUE_REQUEST_TIMEOUT", metavar="SECONDS", help="A request has come wholly within this time.",
)  # fmt: skip
@click.option("--metrics-open", is_flag=True, envvar="NBQUEUE_METRICS_OPEN", help="Let /metrics need no token.")
@click.option(
    "--log-format", type=click.Choice(log_lines.FORMATS), default="text", show_default=True,
    envvar="NBQUEUE_LOG_FORMAT", help="What its log is: lines for people, or a JSON object a line.",
)  # fmt: skip
@with_settings
def web(
    settings: Settings, *, host: str, port: int, token_file: Path | None, allow_host: tuple[str, ...], root_path: str,
    read_only: bool, metrics_open: bool, request_timeout: float, log_format: LogFormat,
) -> None:  # fmt: skip
    """Answer over HTTP: an API under /api/v1, and pages.

    It listens on this machine alone unless told otherwise, and every caller needs the token: it stands in a file whose
    path is printed, made at the first start unless --token-file names another.
    """  # fmt: skip
    check_installed("nbqueue web")
    from nbqueue.web.config import WebConfig
    from nbqueue.web.origins import check_name
    from nbqueue.web.pages.routes import pages_of
    from nbqueue.web.server import serve
    from nbqueue.web.token_file import NAME, own_token, read_token

    names = tuple(map(check_name, allow_host))
    file = (token_file or settings.signing_key_file.parent / NAME).expanduser().absolute()
    token = read_token(file) if token_file else own_token(file)
    config = WebConfig(
        token=token, host=host, port=port, allow_hosts=names, root_path=_rooted(root_path),
        read_only=read_only, metrics_open=metrics_open, request_timeout_s=request_timeout,
    )  # fmt: skip
    log_lines.set_up(log_format)
    say = partial(click.echo, err=True) if log_format == "text" else logging.getLogger("nbqueue.web").info
    if not _is_loopback(host):
        say(
            f"It can be reached at {host} from other machines, without encryption: put a proxy with TLS before it, and "
            "name it with --allow-host."
        )
    with here(settings, only_looks=read_only):
        check_key(session())
        pages = pages_of(session(), read_only=read_only)
        serve(
            config,
            pages=pages,
            ready=lambda url: say(f"Serving {url} (token in {file}); Ctrl-C ends it."),
        )


def check_key(of: Session) -> None:
    """Refuse to start without the signing key that every answer would need."""
    assert of.keyring is not None  # noqa: S101 - read on first use


def check_installed(command: str) -> None:
    """Refuse a command that needs what is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"`{command}` needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            "run `pip install 'nbqueue[web]'`."
        )


def _rooted(given: str) -> str:
    """The path, with a slash before it and none behind it."""
    found = given.strip("/")
    if any(part in ("", ".", "..") for part in found.split("/")) and found:
        raise ConfigurationError(f"--root-path {given!r} cannot be used: give a path such as /queue.")
    return f"/{found}" if found else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
