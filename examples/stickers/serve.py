"""The stickers application: `make stickers`, or `python serve.py`.

Serves a page on which you draw, see what the model thinks it is, and teach it stickers of your own.  Listens to this
machine alone unless --host opens it to the network; then a random token is part of the printed address.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path

from app.book import BookError
from app.guard import Guard, is_loopback
from app.lessons import School
from app.pupil import UnfitModel
from app.routes import Site
from app.server import Server

from pyruntime import MLModelError

HERE = Path(__file__).resolve().parent


def _options() -> argparse.Namespace:
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "pyruntime" / "stickers"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for everyone in the network (with a token)"
    )
    parser.add_argument("--port", type=int, default=8765, help="0 for any free one (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=data, help="folder of what was learned (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=HERE / "Sticker.mlmodel", help="an updatable drawing classifier")
    parser.add_argument(
        "--empty", action="store_true", help="begin without the five stickers that a new model is taught"
    )
    parser.add_argument("--new-token", action="store_true", help="make another token: known phones must use it")
    parser.add_argument("--verbose", action="store_true", help="show every request")
    return parser.parse_args()


def _token(folder: Path, *, new: bool) -> str:
    """The token of this folder, made when there is none: so that a phone's bookmark works tomorrow."""
    path = folder / "token"
    if not new and path.exists() and len(token := path.read_text(encoding="ascii").strip()) >= 22:
        return token
    token = secrets.token_urlsafe(16)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def _addresses(host: str, port: int, token: str | None) -> list[str]:
    """What a person may type."""
    names = [host]
    if host in ("0.0.0.0", "::"):
        names = ["localhost", _own_address(host) or f"{socket.gethostname()}.local"]
    place = [f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/" for name in names]
    return [f"{url}?token={token}" if token else url for url in place]


def _own_address(host: str) -> str | None:
    """This machine's address in the network, from the table of routes; nothing is sent."""
    v6 = host == "::"
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("2001:db8::1" if v6 else "192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def main() -> int:
    options = _options()
    logging.basicConfig(format="%(message)s", level=logging.DEBUG if options.verbose else logging.INFO)
    logging.captureWarnings(True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = Server(options.host, options.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"cannot listen at {options.host}, port {options.port}: {reason}; try another --port", file=sys.stderr)
        return 1
    try:
        school = School(options.data, options.model, HERE / "drawings.npz", starters=not options.empty)
    except (BookError, UnfitModel, MLModelError) as error:
        print(error, file=sys.stderr)
        return 1
    token = None if is_loopback(options.host) else _token(options.data, new=options.new_token)
    server.site = Site(school, Guard(options.host, server.server_port, token))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    for url in _addresses(options.host, server.server_port, token):
        print(f"Draw at {url}", flush=True)
    print(f"What it learns is kept in {options.data}; Ctrl-C ends it.", flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    school.close()
    server.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
