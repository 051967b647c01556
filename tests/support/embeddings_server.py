"""A server of embeddings on loopback that misbehaves on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSION = 6


def vector(text: str) -> NDArray[np.float32]:
    """The embedding of a text: a function of its bytes."""
    digest = hashlib.sha256(text.encode()).digest()[:DIMENSION]
    return np.frombuffer(digest, dtype=np.uint8).astype(np.float32) / np.float32(97) + np.float32(0.1)


def vectors(texts: list[str]) -> NDArray[np.float32]:
    return np.stack([vector(text) for text in texts])


class Server(ThreadingHTTPServer):
    """Answers as OpenAI would, but for the faults in `plan`, one for each request, the first first.

    `requests` holds the bodies and `headers` the headers of all requests, in the order of their arrival. The fault
    `body` answers with `body` and `body_headers`, `body-of STATUS` likewise; `whole` takes `body` for the whole answer,
    headers included; `repeat BYTES` adds the bytes to it again and again, `pause_in_body` seconds apart.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.served = "served-model"
        self.now = self.most = 0
        self.pause = self.pause_in_body = 0.0
        self.body, self.body_headers = b"", dict[str, str]()
        self.over = threading.Event()
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        """All texts that were asked for."""
        return [text for body in self.requests for text in body["input"]]

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(body)
            server.headers.append(dict(self.headers.items()))
            fault = server.plan.pop(0) if server.plan else ""
            server.now += 1
            server.most = max(server.most, server.now)
        time.sleep(server.pause)
        with server.lock:
            server.now -= 1  # before the answer, for whoever has it may send the next request
        self._answer(body, fault)

    def _answer(self, body: dict[str, Any], fault: str) -> None:
        code, _, value = fault.partition(" ")
        if self.path != "/v1/embeddings":
            self._send(404, b'{"detail": "Not Found"}')
        elif code.isdigit():
            header = {"Retry-After": value} if value and int(code) in (429, 503) else {}
            header |= {"Location": value} if value and int(code) < 400 else {}
            said = {"error": {"message": f"no luck, {self.headers.get('Authorization', '')}", "type": "t"}}
            self._send(int(code), json.dumps(said).encode(), header)
        elif code == "slow":
            time.sleep(float(value))
            self._send(200, self._embeddings(body, ""))
        elif code == "truncate":
            whole = self._embeddings(body, "")
            self._send(200, whole[: len(whole) // 2], {"Content-Length": str(len(whole))})
            self.close_connection = True
        elif code == "hang-up":
            self.close_connection = True
        elif code == "words":
            self._send(200, b"<html>Welcome</html>")
        elif code == "body":
            self._send(200, self.server.body, self.server.body_headers)
        elif code == "body-of":
            self._send(int(value), self.server.body)
        elif code == "whole":
            self.wfile.write(self.server.body)
            self.close_connection = True
        elif code == "repeat":
            self._repeat(value.encode().decode("unicode_escape").encode("latin-1"))
        else:
            self._send(200, self._embeddings(body, code))

    def _repeat(self, part: bytes) -> None:
        """Write the server's body as it is, and then a part without an end."""
        self.close_connection = True
        self.wfile.write(self.server.body)
        while not self.server.over.wait(self.server.pause_in_body):
            self.wfile.write(part)

    def _embeddings(self, body: dict[str, Any], fault: str) -> bytes:
        rows = [vector(text) for text in body["input"]]
        if fault == "dimension":
            rows = [row[:-1] for row in rows]
        if fault == "ragged":
            rows[-1] = rows[-1][:-1]
        if fault == "huge":
            rows[-1] = np.full(DIMENSION, np.inf, np.float32)
        packed = body["encoding_format"] == "base64"
        data = [
            {
                "object": "embedding",
                "index": at,
                "embedding": base64.b64encode(row.tobytes()).decode() if packed else row.astype(float).tolist(),
            }
            for at, row in enumerate(rows)
        ]
        if fault == "shuffle":
            data = data[1::2] + data[::2]
        if fault == "zeros":
            data = [{**item, "index": 0} for item in data]
        if fault == "fewer":
            data = data[:-1]
        if fault == "huge" and not packed:
            return json.dumps({"data": data, "model": self.server.served}).replace("Infinity", "1e60").encode()
        model = "another-model" if fault == "model" else self.server.served
        return json.dumps({"object": "list", "data": data, "model": model}).encode()

    def _send(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[Server]:
    """A running server, closed at the end."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
