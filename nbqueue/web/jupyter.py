"""The dashboard beside notebooks: what jupyter-server-proxy starts, behind the login of Jupyter itself."""

from __future__ import annotations

import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: what a proxied server may take to start
STARTS_WITHIN_S = 30
_ICON = Path(__file__).parent / "static" / "icon.svg"


def entry() -> dict[str, Any]:
    """What the entry point `jupyter_serverproxy_servers` gives: how it is started, reached and shown.

    It listens on a socket in a folder of the user's own, so no other user of the machine reaches it. The proxy shows a
    token that only the two know.
    """
    token = secrets.token_urlsafe(32)
    return {
        "command": [sys.executable, "-m", "nbqueue", "dashboard", "--socket", "{unix_socket}"],
        "environment": {"NBQUEUE_DASHBOARD_TOKEN": token},
        "unix_socket": True,
        "timeout": STARTS_WITHIN_S,
        "request_headers_override": {"Authorization": f"Bearer {token}"},
        "absolute_url": False,
        "new_browser_tab": True,
        # an open page is no sign that somebody works
        "update_last_activity": False,
        "launcher_entry": {
            # without the extra `web` it would only fail
            "enabled": all(find_spec(name) is not None for name in ("starlette", "uvicorn", "jinja2")),
            "title": "nbqueue dashboard",
            "icon_path": str(_ICON),
            "category": "Other",
        },
    }
