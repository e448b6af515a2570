"""When no server can be reached: what a submit says of it, and running in this process instead where that is set."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from nbqueue.client import hooks
from nbqueue.client.link import Link
from nbqueue.errors import BrokerUnavailable, LocalStackError, NbqueueError

log = logging.getLogger("nbqueue")

_NEEDS = ("fakeredis", "lupa")


async def agree(link: Link) -> None:
    """Before jobs are sent, agree on the key; in this process, where that is set and no server was ever reached."""
    try:
        await link.agree()
    except (BrokerUnavailable, LocalStackError) as error:
        wanted = link.wire.settings.fallback == "inline" and hooks.inline_worker is not None
        if not (wanted and is_away(error) and link.wire.may_fall_back):
            raise
        if link.wire.fall_back():
            log.warning(
                "%s Jobs run in this process now, without a server, and end with it (fallback=inline). "
                "To try the server again: nbqueue.configure().", error,
            )  # fmt: skip
        await link.agree()


def is_away(error: NbqueueError) -> bool:
    """Whether there is no server, as against one that refuses us or has no room."""
    return type(error) in (BrokerUnavailable, LocalStackError)


def offered(error: NbqueueError) -> NbqueueError:
    """The error of a submit, with how to do without a server."""
    if not is_away(error) or hooks.inline_worker is None:
        return error
    install = "" if all(find_spec(name) for name in _NEEDS) else "pip install 'nbqueue[inline]', then "
    return type(error)(
        f'{error} To run jobs in this process meanwhile, without a server: {install}nbqueue.configure(url="inline:").'
    )
