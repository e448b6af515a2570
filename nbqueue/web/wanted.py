"""The page that somebody wanted who has to log in first: never more than a path of this server."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode

from nbqueue.web.call import Call

#: the field that names it
FIELD = "to"
#: the field that says that a link with a token led here
USED = "used"
#: a longer address is forgotten
LONGEST = 2000
#: "//" and "/\\" begin the name of another server, and browsers leave out what is no letter
_INSIDE = re.compile(rf"/(?![/\\])[^\\\x00-\x20\x7f]{{0,{LONGEST}}}\Z")


def query_of(call: Call) -> str:
    """The query of a login form that leads to this page afterwards; nothing for the first page."""
    if call.method != "GET":
        return ""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    # a token in an address that was not taken: no page may know it
    rest = urlencode([pair for pair in pairs if pair[0] != "token"]) if "token=" in call.query else call.query
    place = quote(call.path, safe="/:@") + (f"?{rest}" if rest else "")
    asked = {} if rest == call.query else {USED: "1"}
    if place not in ("/", "/login") and inside(place) == place:
        asked[FIELD] = place
    return f"?{urlencode(asked)}" if asked else ""


def inside(place: str) -> str:
    """That page where it is one of this server, else the first one."""
    return place if _INSIDE.match(place) else "/"
