"""The page that somebody wanted who has to log in first: never more than a path of this server."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from nbqueue.web.call import Call

#: the field that names it
FIELD = "to"
#: a longer address is forgotten
LONGEST = 2000
#: "//" and "/\\" begin the name of another server, and browsers leave out what is no letter
_INSIDE = re.compile(rf"/(?![/\\])[^\\\x00-\x20\x7f]{{0,{LONGEST}}}\Z")


def query_of(call: Call) -> str:
    """The query of a login form that leads to this page afterwards; nothing for the first page."""
    if call.method != "GET":
        return ""
    place = quote(call.path, safe="/:@") + (f"?{call.query}" if call.query else "")
    return f"?{urlencode({FIELD: place})}" if place != "/" and inside(place) == place else ""


def inside(place: str) -> str:
    """That page where it is one of this server, else the first one."""
    return place if _INSIDE.match(place) else "/"
