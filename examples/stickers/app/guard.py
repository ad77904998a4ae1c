"""Who may ask.

A browser on this machine, or in this network, also opens other people's pages, and these can send requests here.  So a
request must name this machine in a way that no other site's name can be made to (Host, against DNS rebinding), must
come from our own page (Origin, Sec-Fetch-Site), and, when the program listens beyond this machine, must carry the token
that was printed when it started.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")


class Forbidden(Exception):
    """A request that is not answered; the message may be shown to anyone."""


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """host: the address that the server listens at.  token: None when only this machine is listened to."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self._port, self._token = port, token
        self._open = not is_loopback(host)
        own = socket.gethostname().lower()
        self._names = {"localhost"} | ({own, f"{own}.local"} if self._open else set())
        self._cookie = f"stickers-{port}"  # cookies do not tell ports apart

    def check(self, headers: Mapping[str, str], *, is_page: bool) -> None:
        """is_page: the request opens the page itself, which a link on another page may do.  Raises Forbidden."""
        host = headers.get("Host", "")
        self._check_host(host)
        if headers.get("Origin", f"http://{host}").lower() != f"http://{host.lower()}":
            raise Forbidden("requests of other sites are not answered")
        if not is_page and headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise Forbidden("requests of other sites are not answered")

    def _check_host(self, host: str) -> None:
        match = _HOST.fullmatch(host)
        if match and int(match[2] or 80) == self._port:
            name = match[1].strip("[]").lower()
            if name in self._names:
                return
            try:
                address = ipaddress.ip_address(name)
            except ValueError:
                pass
            else:
                if self._open or address.is_loopback:
                    return
        raise Forbidden("this address is not one of this machine; use the one that was printed at the start")

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the request has the token in its cookie, or none is needed."""
        if self._token is None:
            return True
        try:
            morsel = SimpleCookie(headers.get("Cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and self._is_token(morsel.value)

    def admit(self, token: str) -> str | None:
        """The cookie for a page that was opened with the token; None when that is wrong or needless."""
        if self._token is None or not self._is_token(token):
            return None
        return f"{self._cookie}={self._token}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"

    def _is_token(self, token: str) -> bool:
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())
