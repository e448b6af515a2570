"""Who calls: the token, the cookie that a browser gets for it, and what a form has to bring along."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

#: a browser has to show the token again after so long
COOKIE_S = 12 * 3600
#: random bytes of a cookie
_NONCE_BYTES = 16
#: parts of a cookie: since when, which one, and that it is ours
_PARTS = 3


class Identity:
    """Knows the right token. Cookies are signed by a key that is made of it: a new token ends all of them."""

    def __init__(self, token: str, once: str = "", clock: Callable[[], float] = time.time) -> None:
        """Args: what callers show; another one that logs one browser in, once, where it is not empty; the clock."""
        self._known = _digest(token)
        self._once = _digest(once) if once else b""
        self._key = hmac.digest(token.encode(), b"nbqueue web cookies", "sha256")
        self._clock = clock

    def is_token(self, given: str) -> bool:
        """Whether this is the token, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(given), self._known)

    def is_login(self, given: str) -> bool:
        """Whether a token in an address logs in: the right one, or the one that does so once."""
        if self._once and hmac.compare_digest(_digest(given), self._once):
            self._once = b""
            return True
        return self.is_token(given)

    def new_cookie(self) -> str:
        """A cookie for one who has shown the token."""
        body = f"{int(self._clock())}.{secrets.token_hex(_NONCE_BYTES)}"
        return f"{body}.{self._sign('cookie', body)}"

    def is_cookie(self, given: str) -> bool:
        """Whether this is a cookie of ours that still counts."""
        body, _, signature = given.rpartition(".")
        since = body.partition(".")[0]
        signed = hmac.compare_digest(self._sign("cookie", body).encode(), signature.encode(errors="replace"))
        if not signed or given.count(".") != _PARTS - 1 or not (since.isascii() and since.isdigit()):
            return False
        return 0 <= self._clock() - int(since) + 1 <= COOKIE_S

    def csrf(self, shown: str) -> str:
        """What has to come along with this cookie, or a proxy's token, for a change; other sites cannot know it."""
        return self._sign("csrf", shown)

    def is_csrf(self, given: str, shown: str) -> bool:
        """Whether that came along."""
        return hmac.compare_digest(self.csrf(shown).encode(), given.encode(errors="replace"))

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\n{text}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
