"""The command `nbqueue dashboard`: the dashboard of the stack in force, in one's own browser."""

from __future__ import annotations

import logging
import os
import secrets
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from nbqueue.cli.ranges import Whole
from nbqueue.cli.reach import running_address, with_settings
from nbqueue.cli.web import check_installed, check_key
from nbqueue.client import hooks
from nbqueue.client.portal import shutdown
from nbqueue.client.session import Session, configure, exchange, session
from nbqueue.errors import ConfigurationError
from nbqueue.model import log_lines
from nbqueue.model.settings import Settings

#: where whoever starts it, as a Jupyter server does, puts the token that it sends along
TOKEN_VARIABLE = "NBQUEUE_DASHBOARD_TOKEN"  # noqa: S105 - a name


@click.command()
@click.option("--port", default=0, type=Whole(0, 65_535), help="Port to listen on.  [default: a free one]")
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Unix socket to listen on, for a proxy that logs people in and sends the token in NBQUEUE_DASHBOARD_TOKEN.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option("--read-only", is_flag=True, help="Show everything, change nothing.")
@with_settings
def dashboard(settings: Settings, *, port: int, socket: Path | None, no_browser: bool, read_only: bool) -> None:
    """Open the dashboard in a browser.

    It listens on this machine alone, until Ctrl-C. The printed address logs one browser in, once.
    """
    check_installed("nbqueue dashboard")
    from nbqueue.web.config import WebConfig
    from nbqueue.web.pages.routes import pages_of
    from nbqueue.web.server import serve

    once = "" if socket else secrets.token_urlsafe(24)
    config = WebConfig(
        token=_proxy_token() if socket else _own_token(settings), port=port, socket=socket, login_once=once,
        read_only=read_only,
        login_hint="It is in the file web.token beside the signing key; the address that nbqueue dashboard prints "
        "needs none, once.",
    )  # fmt: skip

    def ready(url: str) -> None:
        if socket is not None:
            click.echo(f"Serving on {socket}; Ctrl-C ends it.", err=True)
            return
        link = f"{url}?token={once}"
        click.echo(f"Dashboard: {link}\nThe link logs one browser in, once. Ctrl-C ends the dashboard.", err=True)
        if not no_browser:
            webbrowser.open(link)

    log_lines.set_up(level=logging.WARNING)
    with _there(settings, only_looks=read_only):
        check_key(session())
        serve(config, pages=pages_of(session(), read_only=read_only), ready=ready)


@contextmanager
def _there(settings: Settings, *, only_looks: bool) -> Iterator[None]:
    """The client goes by these settings within the block: a local stack is not started, and may start later."""
    before = hooks.local_stack
    configure(settings)
    if only_looks:
        exchange(Session(settings, only_looks=True))
    hooks.use_local_stack(lambda found, **_: running_address(found))
    try:
        yield
    finally:
        shutdown()
        hooks.use_local_stack(before)


def _own_token(settings: Settings) -> str:
    from nbqueue.web.token_file import NAME, own_token

    return own_token(settings.signing_key_file.parent / NAME)


def _proxy_token() -> str:
    # nothing that is started from here needs to know it
    if token := os.environ.pop(TOKEN_VARIABLE, ""):
        return token
    raise ConfigurationError(
        f"--socket is for a proxy, which shows a token with each request: put that token into {TOKEN_VARIABLE}."
    )
