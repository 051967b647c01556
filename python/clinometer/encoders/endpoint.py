"""One URL that responds to requests in JSON: rate limits, retries where these may help, and clear errors.

The key is only sent in the header of a request; redirects are not followed, so it reaches no other host.
"""

from __future__ import annotations

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np

from clinometer.errors import EncoderError, UsageError, first_line

__all__ = ["LOOPBACK", "Endpoint", "Pace", "checked_address"]

_logger = logging.getLogger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 120.0
# Timeouts, early requests, too many requests, and failures of a server or gateway.
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are this machine."""
_FIXES = {
    400: "a text may be too long for the model, or the model may not know a field of the request",
    401: "set CLINOMETER_API_KEY to a key of this server",
    403: "set CLINOMETER_API_KEY to a key that may use this model",
    404: "check the URL, which usually ends in /v1, and the name of the model",
    413: "lower batch_size",
    422: "check the name of the model, and the fields of the request",
    429: "lower requests-per-minute or concurrency, or wait and run again",
}


class Pace:
    """Spreads requests over time, so that a limit per minute is never exceeded, not even in bursts.

    Args:
        requests_per_minute: Maximum number of requests; None for no limit.
        texts_per_minute: Maximum number of texts; None for no limit.

    Example:
        >>> pace = Pace(requests_per_minute=60, texts_per_minute=600)
        >>> [pace.turn(texts, now=0.0) for texts in (20, 1, 1)]
        [0.0, 2.0, 3.0]
    """

    def __init__(self, requests_per_minute: float | None = None, texts_per_minute: float | None = None) -> None:
        self._request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._text = 60 / texts_per_minute if texts_per_minute else 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def turn(self, texts: int, now: float) -> float:
        """Reserve a slot: the seconds to wait before sending this many texts."""
        with self._lock:
            start = max(now, self._free_at)
            self._free_at = start + max(self._request, self._text * texts)
            return start - now


class Endpoint:
    """Posts to one URL until it responds.

    Timeouts, broken connections, broken responses and the statuses 408, 425, 429, 500, 502, 503, 504 and 529 are
    retried after 1, 2, 4, ... seconds, each times a random number between 0.5 and 1, or after the time in
    `Retry-After`. A server that cannot be reached is only retried if it has responded before.

    Args:
        url: URL of requests.
        key: Bearer token; None for none.
        timeout: Seconds without any data after which a request fails.
        retries: Number of retries of a request.
        pace: Rate limits.
    """

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, pace: Pace) -> None:
        self.url, self._key, self._timeout, self._retries, self._pace = url, key, timeout, retries, pace
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "clinometer"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._stopped = threading.Event()
        self._reached = False
        # A proxy from the environment cannot reach servers on this machine.
        proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in LOOPBACK else []
        self._opener = urllib.request.build_opener(_Unredirected, *proxies)

    def start(self) -> None:
        """Resume after a stop."""
        self._stopped.clear()

    def stop(self) -> None:
        """Make waiting threads end instead of retrying."""
        self._stopped.set()

    def post(self, body: Mapping[str, Any], texts: int) -> Any:
        """The decoded response to a JSON body with `texts` texts.

        Raises:
            EncoderError: The server refuses, or does not respond after all retries.
        """
        request = urllib.request.Request(self.url, msgspec.json.encode(body), self._headers, method="POST")  # noqa: S310 - the scheme was checked
        for attempt in range(self._retries + 1):
            self._pause(self._pace.turn(texts, time.monotonic()))
            requested_wait: float | None = None
            try:
                with self._opener.open(request, timeout=self._timeout) as response:
                    self._reached = True
                    return msgspec.json.decode(response.read())
            except urllib.error.HTTPError as error:
                self._reached = True
                with error:
                    problem = f"returned {error.code} {error.reason}{self._detail(error)}"
                    if error.code not in _AGAIN:
                        raise EncoderError(self._sentence(problem, _fix(error))) from None
                    requested_wait = _retry_after(error.headers.get("Retry-After"))
                fix = _fix(error)
            except (msgspec.DecodeError, UnicodeDecodeError, HTTPException) as error:
                self._reached = True
                problem = f"broke off, or returned invalid JSON ({first_line(error)})"
                fix = "check the server's log"
            except TimeoutError:
                self._reached = True
                problem, fix = f"did not respond within {self._timeout:g} s", "raise the timeout or lower batch_size"
            except OSError as error:
                problem = f"cannot be reached ({first_line(getattr(error, 'reason', error))})"
                fix = "check the URL, and that the server is running"
                if isinstance(getattr(error, "reason", None), TimeoutError):
                    problem, fix = f"accepted no connection within {self._timeout:g} s", fix
                if not self._reached:
                    raise EncoderError(self._sentence(problem, fix)) from None
            if attempt == self._retries:
                break
            wait = _FIRST_WAIT * 2**attempt * float(np.random.default_rng().uniform(0.5, 1))
            if requested_wait is not None:
                if requested_wait > _LONGEST_WAIT:
                    raise EncoderError(
                        self._sentence(f"{problem} and asks to wait {requested_wait:.0f} s", "retry then")
                    )
                wait = max(wait, requested_wait)
            _logger.warning("%s %s; retrying in %.1f s", self.url, problem, wait)
            self._pause(wait)
        raise EncoderError(self._sentence(f"{problem}, {self._retries + 1} times", fix))

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise EncoderError(f"{self.url}: stopped, because another request failed")

    def _detail(self, error: urllib.error.HTTPError) -> str:
        """The server's own message, shortened and without the key, which some servers repeat."""
        try:
            text = error.read(4096).decode(errors="replace")
        except (OSError, HTTPException):
            return ""
        try:
            content = msgspec.json.decode(text)
            content = content.get("error", content.get("message", content)) if isinstance(content, dict) else content
            text = str(content.get("message", content) if isinstance(content, dict) else content)
        except msgspec.DecodeError:
            text = "" if text.lstrip().startswith("<") else text
        text = " ".join(text.split())
        if self._key:
            text = text.replace(self._key, "***")
        return f" ({text[:200].rstrip('.')})" if text else ""

    def _sentence(self, problem: str, fix: str) -> str:
        return f"{self.url} {problem}; {fix}"


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """A redirect is an error that names its target: following it would send texts and key to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def checked_address(address: str) -> str:
    """The URL without a trailing slash.

    Raises:
        UsageError: It has no host, or has a password, a query or a fragment.

    Example:
        >>> checked_address("http://localhost:8000/v1/")
        'http://localhost:8000/v1'
        >>> checked_address("http://me:secret@localhost/v1")
        Traceback (most recent call last):
        clinometer.errors.UsageError: a URL cannot contain a name or password; set CLINOMETER_API_KEY instead
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"invalid URL {address!r} ({error}); write one like http://localhost:8000/v1") from None
    if "@" in parts.netloc:
        raise UsageError("a URL cannot contain a name or password; set CLINOMETER_API_KEY instead")
    valid = parts.scheme in ("http", "https") and host and not (parts.query or parts.fragment)
    if not valid or any(map(str.isspace, address)):
        raise UsageError(f"invalid URL {address!r}; write one like http://localhost:8000/v1")
    return address.rstrip("/")


def _fix(error: urllib.error.HTTPError) -> str:
    if 300 <= error.code < 400:
        target = error.headers.get("Location")
        return f"give the URL that it points to, {target}" if target else "check the URL"
    return _FIXES.get(error.code, "check the server's log, or retry later" if error.code >= 500 else "check it")


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, from a number or a date."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
