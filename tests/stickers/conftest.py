"""The application as a program of its own, and a client for it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stickers"
Drawing = NDArray[np.uint8]


@pytest.fixture(autouse=True, scope="session")
def app_is_importable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        yield


def png(drawing: Drawing, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, kind, **options)
    return file.getvalue()


@dataclass
class Answer:
    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """The application at `url`, and questions to it.  stop: ends it, and gives the program's exit code."""

    url: str
    data: Path
    stop: Callable[[], int]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/", self.url)[1])  # type: ignore[index]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, self.headers | named)
        response = connection.getresponse()
        try:
            return Answer(response.status, response.read(), response.headers)
        finally:
            connection.close()

    def guess(self, drawing: Drawing) -> Any:
        return self.ask("POST", "/api/ask", png(drawing), Content_Type="image/png").json

    def post(self, path: str, data: Any) -> Answer:
        return self.ask("POST", path, json.dumps(data).encode(), Content_Type="application/json")

    def teach(self, label: Any, drawings: Any) -> Answer:
        return self.post("/api/lessons", lesson(label, drawings))

    def state(self) -> Any:
        return self.ask("GET", "/api/state").json

    def labels(self) -> dict[str, int]:
        """How many drawings of each sticker it knows."""
        return {sticker["label"]: len(sticker["drawings"]) for sticker in self.state()["stickers"]}


def lesson(label: Any, drawings: Any) -> dict[str, Any]:
    return {"label": label, "drawings": [base64.b64encode(png(drawing)).decode() for drawing in drawings]}


Start = Callable[..., Running]


@dataclass
class Program(Running):
    """The same in a process of its own."""

    process: subprocess.Popen[str] = field(kw_only=True)


def _start_here(
    stack: ExitStack, data: Path, *, starters: bool = True, token: str | None = None, port: int = 0
) -> Running:
    from app.guard import Guard
    from app.lessons import School
    from app.routes import Site
    from app.server import Server

    server = Server("127.0.0.1", port)
    school = School(data, EXAMPLE / "Sticker.mlmodel", EXAMPLE / "drawings.npz", starters=starters)
    server.site = Site(school, Guard("0.0.0.0" if token else "127.0.0.1", server.server_port, token))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def stop() -> int:
        if thread.is_alive():
            server.shutdown()
            thread.join()
            server.server_close()
            school.close()
            server.finish()
        return 0

    stack.callback(stop)
    return Running(f"http://127.0.0.1:{server.server_port}/", data, stop)


def start_program(stack: ExitStack, data: Path, *options: str) -> Program:
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE / "serve.py"), "--port", "0", "--data", str(data), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout is not None
    said: list[str] = []
    while not (said and said[-1].startswith("Draw at http://")):
        said.append(process.stdout.readline())
        assert said[-1], f"it ended: {said}"

    def stop() -> int:
        process.terminate()
        return process.wait(20)

    return Program(said[-1].split()[-1], data, stop, process=process)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the application in this process; the same `data` name again is a second start on the same folder."""
    with ExitStack() as stack:
        yield lambda data="data", **options: _start_here(stack, tmp_path / data, **options)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program as a user does."""
    with ExitStack() as stack:
        yield lambda *options, data="data": start_program(stack, tmp_path / data, *options)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One application for all tests of a file."""
    with ExitStack() as stack:
        yield _start_here(stack, tmp_path_factory.mktemp("stickers") / "data")


@pytest.fixture(scope="session")
def drawings() -> dict[str, list[Drawing]]:
    """The shipped drawings by label."""
    with np.load(EXAMPLE / "drawings.npz") as file:
        images, labels = file["images"], file["labels"]
    return {str(label): [*images[labels == label]] for label in np.unique(labels)}
