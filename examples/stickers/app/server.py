"""HTTP/1.1 on sockets: limits, deadlines, a clean end.  What is answered stands in routes."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from app.routes import HEADERS, JSON, BadRequest, Request, Response, Site

MOST_CONNECTIONS = 64
IDLE = 60.0
"""Seconds for which a connection may be silent between two requests."""

PATIENCE = 10.0
"""Seconds for one request to arrive, from its first byte, and for one piece of an answer to be taken."""

_log = logging.getLogger("stickers")
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Socket(io.RawIOBase):
    """A connection that is read against a deadline, however slowly its bytes drip in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.wait()

    def wait(self) -> None:
        """For the next request."""
        self._deadline, self._began = time.monotonic() + IDLE, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request came too slowly")
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        if not self._began:
            self._deadline, self._began = time.monotonic() + PATIENCE, True
        return count


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = default_request_version = "HTTP/1.1"
    server_version, sys_version = "stickers", ""
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: Server

    def setup(self) -> None:
        super().setup()
        self._socket = _Socket(self.connection)
        self.rfile = io.BufferedReader(self._socket)

    def handle_one_request(self) -> None:
        self._socket.wait()
        super().handle_one_request()

    def do_GET(self) -> None:
        self._left = self._length()
        headers = cast("Mapping[str, str]", self.headers)
        with self.server.answering():
            response = self.server.site.answer(Request(self.command, self.path, headers, self._body))
            if self._left != 0:  # of a request that was refused: the connection cannot be used on
                self.close_connection = True
            with nullcontext() if isinstance(response.body, bytes) else closing(response.body):
                self._send(response)

    do_POST = do_DELETE = do_GET

    def _length(self) -> int | None:
        """Bytes of the body that are not read yet; None when they cannot be counted."""
        text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (text.isascii() and text.isdigit() and len(text) < 10):
            return None
        return int(text) if len(self.headers.get_all("Content-Length", [])) < 2 else None

    def _body(self, most: int) -> bytes:
        if self._left is None:
            raise BadRequest(411, "expected a Content-Length")
        if self._left > most:
            raise BadRequest(413, f"expected at most {most} bytes, got {self._left}")
        try:
            data = self.rfile.read(self._left)
        except OSError:
            raise BadRequest(408, "the request came too slowly") from None
        if len(data) < self._left:
            raise BadRequest(400, "the request is cut off")
        self._left = 0
        return data

    def _send(self, response: Response) -> None:
        body = response.body
        self.connection.settimeout(PATIENCE)
        self.send_response(response.status)
        headers = {"Content-Type": response.kind, "Cache-Control": "no-store"} | HEADERS | dict(response.headers)
        if isinstance(body, bytes):
            headers["Content-Length"] = str(len(body))
        else:
            self.close_connection = True
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in (body,) if isinstance(body, bytes) else body:
            self.wfile.write(piece)
            self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """For what the base class cannot parse."""
        self.close_connection = True
        with suppress(OSError):
            self._send(Response(code, json.dumps({"error": message or "this request is not HTTP"}).encode(), JSON))

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)


class Server(ThreadingHTTPServer):
    """Serves `site`, a thread for each connection, as many as MOST_CONNECTIONS.  Set the site before serving."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    site: Site

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._done = threading.Condition()
        self._answering = 0
        self._connections: set[socket.socket] = set()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Without the base class's question for the machine's full name, which may wait for a network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = cast("tuple[str, int]", self.server_address[:2])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(0.1)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        self._connections.add(request)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news; anything else is."""
        level = logging.DEBUG if isinstance(sys.exc_info()[1], OSError) else logging.ERROR
        _log.log(level, "connection of %s", client_address, exc_info=True)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While a request is being answered: `finish` waits for it."""
        with self._done:
            self._answering += 1
        try:
            yield
        finally:
            with self._done:
                self._answering -= 1
                self._done.notify_all()

    def finish(self, seconds: float = PATIENCE) -> None:
        """Wait until every answer has been sent, but not for ever; then end the connections."""
        with self._done:
            self._done.wait_for(lambda: not self._answering, seconds)
        for connection in self._connections.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
