"""The process that answers: a socket, the application, and uvicorn between them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import uvicorn
from starlette.routing import BaseRoute

from nbqueue.errors import ConfigurationError
from nbqueue.web.app import create_app
from nbqueue.web.config import LARGEST_HEAD_BYTES, WebConfig
from nbqueue.web.outflow import KERNEL_BYTES
from nbqueue.web.protocol import PatientProtocol

#: connections at once
MOST_CONNECTIONS = 500
#: a connection may stand idle between two requests for so long, and requests under way end within so long
IDLE_S, END_S = 30, 3


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections; raises ConfigurationError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # connections have it from here
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        found.bind((host.strip("[]"), port))
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"{host}:{port} cannot be listened on ({why}): give another --host or --port; --port 0 takes a free one."
        ) from None
    return found


def listen_at(path: Path) -> socket.socket:
    """A Unix socket of this user alone; raises ConfigurationError where there cannot be one."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        found.bind(str(path))
        found.listen(128)
    except OSError as error:
        found.close()
        why = error.strerror or str(error)
        raise ConfigurationError(f"{path} cannot be listened on ({why}): give another path with --socket.") from None
    finally:
        os.umask(before)
    return found


def serve(config: WebConfig, *, pages: Sequence[BaseRoute] = (), ready: Callable[[str], None]) -> None:
    """Answer until a signal ends it.

    Args:
        config: who may call, and what they may do; port 0 takes a free one.
        pages: what is to be seen besides the API.
        ready: called with the address once connections are taken.
    """
    with listen(config.host, config.port) if config.socket is None else listen_at(config.socket) as taken:
        if config.socket is None:
            config = replace(config, port=taken.getsockname()[1])
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        protocol = type(
            "Protocol", (PatientProtocol,), {"patience_s": config.request_timeout_s, "most": MOST_CONNECTIONS}
        )
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(config, pages, lambda: server.should_exit), http=protocol, ws="none", lifespan="off",
                log_config=None, access_log=False, server_header=False, root_path=config.root_path, backlog=128,
                h11_max_incomplete_event_size=LARGEST_HEAD_BYTES, timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=END_S,
            )
        )  # fmt: skip
        host = f"[{config.host}]" if ":" in config.host else config.host
        ready(f"http://{host}:{config.port}{config.root_path}/")
        server.run(sockets=[taken])
