"""One request to one URL, with an end in time and size; redirects are not followed and nothing is decompressed."""

from __future__ import annotations

import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

__all__ = ["LOOPBACK", "Reply", "TooLargeError", "Transport"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are this machine."""

_BLOCK = 1 << 16
_REFUSAL = 1 << 12


class TooLargeError(Exception):
    """A body is longer than its limit."""


@dataclass(frozen=True)
class Reply:
    """What a server returned.

    Args:
        status: Status, such as 200.
        headers: Headers.
        body: The whole body of a success, the first bytes of another.
    """

    status: int
    headers: Message
    body: bytes


class Transport:
    """Posts to one URL. The headers, of which one may hold a key, go to this URL only.

    Args:
        url: URL of requests.
        headers: Headers of requests.
        timeout: Seconds for a whole request, from its first byte to the last of the reply.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        self._url, self._headers, self._timeout = url, dict(headers), timeout
        # Without handlers of redirects, logins and other schemes, none of these can happen.
        self._opener = urllib.request.OpenerDirector()
        # A proxy from the environment cannot reach servers on this machine.
        proxies: dict[str, str] | None = {} if urlsplit(url).hostname in LOOPBACK else None
        for handler in (urllib.request.ProxyHandler(proxies), _Http(), _Https()):
            self._opener.add_handler(handler)

    def post(self, body: bytes, most: int) -> Reply:
        """The reply to a body.

        Args:
            body: Bytes to send.
            most: Largest body of a success; of another, the first 4,096 bytes are read.

        Raises:
            TimeoutError: The time is over.
            TooLargeError: The body of a success is longer than `most`.
            OSError: The server cannot be reached, or closed the connection.
            http.client.HTTPException: The reply is not HTTP, or broke off.
            ValueError: The host has no valid name.
        """
        with _Deadline(self._timeout) as deadline:
            request = _Request(self._url, body, self._headers, deadline)
            try:
                response = self._opener.open(request, timeout=self._timeout)
                with response:
                    reply = Reply(
                        response.status,
                        response.headers,
                        _bounded(response, most if 200 <= response.status < 300 else None),
                    )
            except (OSError, http.client.HTTPException):
                deadline.check()
                raise
            deadline.check()
            return reply


def _bounded(response: http.client.HTTPResponse, most: int | None) -> bytes:
    limit = _REFUSAL if most is None else most
    parts, size = [], 0
    while size <= limit and (part := response.read(min(_BLOCK, limit + 1 - size))):
        parts.append(part)
        size += len(part)
    if most is not None and size > limit:
        raise TooLargeError
    if response.length and size <= limit:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


class _Deadline:
    """Ends the connection when the time is over: a timeout of a socket starts anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._over = False

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def watch(self, connection: socket.socket) -> None:
        """End this connection in time."""
        with self._lock:
            # A second handle of the same connection stays valid while TLS takes the first one over.
            self._socket = connection.dup()
        self.check()

    def check(self) -> None:
        """Raise `TimeoutError` if the time is over."""
        if self._over:
            raise TimeoutError

    def _end(self) -> None:
        with self._lock:
            self._over = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


class _Request(urllib.request.Request):
    def __init__(self, url: str, body: bytes, headers: dict[str, str], deadline: _Deadline) -> None:
        super().__init__(url, body, headers, method="POST")
        self.deadline = deadline


class _Connection(http.client.HTTPConnection):
    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _TlsConnection(http.client.HTTPSConnection, _Connection):
    """Its `connect` calls that of `_Connection` before the handshake."""


def _watched(kind: type[_Connection], request: urllib.request.Request) -> Callable[..., _Connection]:
    assert isinstance(request, _Request)  # noqa: S101 - the opener is given nothing else
    deadline = request.deadline

    def connection(host: str, **options: Any) -> _Connection:
        watched = kind(host, **options)
        watched.deadline = deadline
        return watched

    return connection


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_watched(_Connection, req), req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_watched(_TlsConnection, req), req)
