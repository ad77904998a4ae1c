"""What can be asked over HTTP, and how a question becomes an answer.  Knows nothing of sockets."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from app.book import BookError
from app.events import Listener, TooManyPages, event
from app.guard import Forbidden, Guard
from app.labels import BadLabel
from app.lessons import MOST_AT_ONCE, Refused, School
from app.pictures import MOST_BYTES, BadPicture, read_drawing, write_png
from pyruntime import MLModelError

WEB = Path(__file__).resolve().parent / "web"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
JSON = "application/json"
MOST_SHOWN = 5  # answers
_LESSON_BYTES = MOST_AT_ONCE * (MOST_BYTES * 4 // 3 + 16) + 1024
_log = logging.getLogger("stickers")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer: the page may use only what comes from here, and no other page may use or frame it."""


@dataclass(frozen=True)
class Request:
    """body: reads it, once; nothing is read of a request that is refused."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Callable[[int], bytes]


@dataclass(frozen=True)
class Response:
    """body: bytes, or an answer that goes on."""

    status: int
    body: bytes | Listener
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class BadRequest(Exception):
    """A request that cannot be understood; status of HTTP and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Site:
    """The page and its questions."""

    def __init__(self, school: School, guard: Guard) -> None:
        self._school, self._guard = school, guard
        self._files = {f"/{path.name}": _file(path) for path in WEB.iterdir() if path.suffix in TYPES}
        self._files["/"] = self._files.pop("/index.html")
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[..., Response]], ...] = (
            ("GET", re.compile("/api/state"), self._state),
            ("GET", re.compile("/api/events"), self._events),
            ("GET", re.compile(r"/api/drawings/(\d{1,9})\.png"), self._drawing),
            ("POST", re.compile("/api/ask"), self._ask),
            ("POST", re.compile("/api/lessons"), self._teach),
            ("POST", re.compile("/api/undo"), self._undo),
            ("DELETE", re.compile(r"/api/drawings/(\d{1,9})"), self._forget_drawing),
            ("DELETE", re.compile("/api/stickers/([^/]+)"), self._forget_sticker),
        )

    def answer(self, request: Request) -> Response:
        """Never raises."""
        try:
            return self._answer(request)
        except Forbidden as error:
            return _error(403, error)
        except (BadRequest, Refused) as error:
            return _error(error.status, error)
        except (BadPicture, BadLabel) as error:
            return _error(400, error)
        except TooManyPages:
            return _error(503, "too many pages are open; close one")
        except BookError as error:
            _log.error("%s", error)
            return _error(507, "it could not be kept on the disk, so it was not learned; nothing was changed")
        except MLModelError as error:
            _log.error("%s", error)
            return _error(500, "the model could not learn this; nothing was changed")
        except Exception:
            _log.exception("%s %s", request.method, request.target)
            return _error(500, "something went wrong here; the program's output says what")

    def _answer(self, request: Request) -> Response:
        try:
            parts = urlsplit(request.target)
        except ValueError:
            raise BadRequest(400, "this address cannot be read") from None
        path = parts.path
        self._guard.check(request.headers, is_page=path == "/" and request.method == "GET")
        headers: dict[str, str] = {}
        if not self._guard.knows(request.headers):
            token = parse_qs(parts.query).get("token", [""])[0] if path == "/" else ""
            cookie = self._guard.admit(token)
            if cookie is None:
                raise Forbidden("open the address with the token that was printed where the program was started")
            headers["Set-Cookie"] = cookie
        if path in self._files:
            if request.method != "GET":
                raise BadRequest(405, f"{path} can only be read")
            return _cached(self._files[path], request, headers)
        methods = []
        for method, pattern, ask in self._routes:
            match = pattern.fullmatch(path)
            if match and method == request.method:
                return ask(request, *match.groups())
            methods += [method] * bool(match)
        if methods:
            raise BadRequest(405, f"{path} takes {', '.join(methods)}")
        raise BadRequest(404, "there is nothing here")

    def _state(self, request: Request) -> Response:
        return _json(self._school.state())

    def _events(self, request: Request) -> Response:
        return Response(200, self._school.events.listen(event("state", self._school.state())), "text/event-stream")

    def _drawing(self, request: Request, key: str) -> Response:
        found = self._school.drawing(int(key))
        if found is None:
            raise BadRequest(404, "there is no such drawing")
        return Response(200, write_png(found.pixels), "image/png")

    def _ask(self, request: Request) -> Response:
        drawing = read_drawing(_body(request, "image/png", MOST_BYTES))
        start = time.perf_counter()
        answer = self._school.ask(drawing)
        seconds = time.perf_counter() - start
        best = sorted(answer.shares.items(), key=lambda item: (-item[1], item[0] != answer.label))
        return _json(
            {
                "label": answer.label,
                "shares": [{"label": label, "share": round(share, 4)} for label, share in best[:MOST_SHOWN]],
                "near": [{"id": d.id, "label": d.label} for d in answer.near],
                "isNew": answer.is_new,
                "point": [round(x, 4) for x in answer.point],
                "seconds": round(seconds, 6),
            }
        )

    def _teach(self, request: Request) -> Response:
        given = _object(_body(request, JSON, _LESSON_BYTES))
        pictures = given.get("drawings")
        if not isinstance(pictures, list) or len(pictures) > MOST_AT_ONCE:
            raise BadRequest(400, f"drawings: expected a list of at most {MOST_AT_ONCE} PNG pictures in base64")
        drawings = [read_drawing(_base64(picture)) for picture in pictures]
        return _json(self._school.teach(given.get("label"), drawings), 201)

    def _undo(self, request: Request) -> Response:
        _object(_body(request, JSON, 1024))
        return _json(self._school.undo())

    def _forget_drawing(self, request: Request, key: str) -> Response:
        return _json(self._school.forget("this drawing", lambda d: d.id == int(key)))

    def _forget_sticker(self, request: Request, name: str) -> Response:
        label = unquote(name, errors="replace")
        return _json(self._school.forget(f"“{label}”", lambda d: d.label == label))


def _body(request: Request, kind: str, most: int) -> bytes:
    """The body, of this type and size.  A type that forms of other sites cannot send is part of the defence."""
    given = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if given != kind:
        raise BadRequest(415, f"expected {kind}, got {given[:40] or 'nothing'}")
    return request.body(most)


def _object(data: bytes) -> dict[str, Any]:
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        raise BadRequest(400, "expected JSON") from None
    if not isinstance(given, dict):
        raise BadRequest(400, "expected a JSON object")
    return given


def _base64(text: object) -> bytes:
    if not isinstance(text, str):
        raise BadRequest(400, "drawings: expected texts, PNG pictures in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(400, "drawings: expected PNG pictures in base64") from None


def _json(data: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(data, ensure_ascii=False).encode(errors="replace"))


def _error(status: int, message: object) -> Response:
    return _json({"error": str(message)}, status)


def _file(path: Path) -> tuple[bytes, str, str]:
    """Content, type, and tag of a file of the page: only files that are there at the start can ever be asked for."""
    content = path.read_bytes()
    return content, TYPES[path.suffix], f'"{sha256(content).hexdigest()[:16]}"'


def _cached(file: tuple[bytes, str, str], request: Request, headers: dict[str, str]) -> Response:
    content, kind, tag = file
    headers |= {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == tag and "Set-Cookie" not in headers:
        return Response(304, b"", kind, headers)
    return Response(200, content, kind, headers)
