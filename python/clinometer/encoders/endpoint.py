"""One URL that responds to requests in JSON: rate limits, retries where these may help, and clear errors.

The key is only sent in the header of a request; redirects are not followed, so it reaches no other host. Of a server's
text nothing is shown that repeats the key.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import numpy as np

from clinometer.encoders.secrecy import without_key
from clinometer.encoders.transport import Reply, TooLargeError, Transport
from clinometer.errors import EncoderError, UsageError, first_line, printable, shortened

__all__ = ["Endpoint", "Pace", "checked_address"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 120.0
# An embedding of 32,768 numbers in JSON, and more than what surrounds the embeddings.
_LARGEST_EMBEDDING = 1 << 20
# Timeouts, early requests, too many requests, and failures of a server or gateway.
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
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
    retried after 1, 2, 4, ... seconds, 120 at most, each times a random number between 0.5 and 1, or after the time in
    `Retry-After`. A server that cannot be reached is only retried if it has responded before.

    Args:
        url: URL of requests.
        key: Bearer token; None for none.
        timeout: Seconds for a whole request.
        retries: Number of retries of a request.
        pace: Rate limits.
    """

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, pace: Pace) -> None:
        self.url, self._key, self._timeout, self._retries, self._pace = url, key, timeout, retries, pace
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "clinometer"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._transport = Transport(url, headers, timeout)
        self._stopped = threading.Event()
        self._reached = False

    def start(self) -> None:
        """Resume after a stop."""
        self._stopped.clear()

    def stop(self) -> None:
        """Make waiting threads end instead of retrying."""
        self._stopped.set()

    def post(self, body: Mapping[str, Any], texts: int, read: Callable[[bytes], T]) -> T:
        """What `read` makes of the response to a JSON body with `texts` texts.

        Args:
            body: Fields of the request.
            texts: Number of texts, which limits the size of the response: 1 MiB for each, and 1 MiB.
            read: Reader of a response's bytes; a `msgspec.DecodeError` from it leads to a retry.

        Raises:
            EncoderError: The server refuses, or does not respond after all retries; or `read` raises it.
        """
        raw = msgspec.json.encode(body)
        most = _LARGEST_EMBEDDING * (texts + 1)
        for attempt in range(self._retries + 1):
            self._pause(self._pace.turn(texts, time.monotonic()))
            requested_wait: float | None = None
            try:
                reply = self._transport.post(raw, most)
                self._reached = True
                if 200 <= reply.status < 300:
                    return self._read(reply, read)
                requested_wait = _retry_after(reply.headers.get("Retry-After"))
                problem, fix = self._refusal(reply)
            except (msgspec.DecodeError, UnicodeDecodeError, HTTPException) as error:
                self._reached = True
                problem = f"broke off, or returned invalid JSON ({without_key(first_line(error), self._key)})"
                fix = "check the server's log"
            except TooLargeError:
                problem = f"returned more than {most >> 20} MiB for {texts} texts"
                raise EncoderError(self._sentence(problem, "check the URL, or lower batch_size")) from None
            except TimeoutError:
                self._reached = True
                problem, fix = f"did not respond within {self._timeout:g} s", "raise the timeout or lower batch_size"
            except (OSError, ValueError) as error:  # ValueError: a host whose name cannot be one
                cause = getattr(error, "reason", error)
                problem = f"cannot be reached ({without_key(first_line(cause), self._key)})"
                fix = "check the URL, and that the server is running"
                if isinstance(cause, TimeoutError):
                    problem = f"accepted no connection within {self._timeout:g} s"
                if not self._reached:
                    raise EncoderError(self._sentence(problem, fix)) from None
            if attempt == self._retries:
                break
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt, 99)) * np.random.default_rng().uniform(0.5, 1)
            if requested_wait is not None:
                if requested_wait > _LONGEST_WAIT:
                    raise EncoderError(
                        self._sentence(f"{problem} and asks to wait {requested_wait:.0f} s", "retry then")
                    )
                wait = max(wait, requested_wait)
            _logger.warning("%s %s; retrying in %.1f s", self.url, problem, wait)
            self._pause(wait)
        times = f", {self._retries + 1} times" if self._retries else ""
        raise EncoderError(self._sentence(f"{problem}{times}", fix))

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise EncoderError(f"{self.url}: stopped, because another request failed")

    def _read(self, reply: Reply, read: Callable[[bytes], T]) -> T:
        coding = reply.headers.get("Content-Encoding", "identity")
        if coding.strip().lower() not in ("", "identity"):
            problem = f"compressed its response ({without_key(coding, self._key)[:20]}), which was not requested"
            raise EncoderError(self._sentence(problem, "turn compression off in the server or its proxy"))
        try:
            return read(reply.body)
        except RecursionError:
            problem = "returned JSON that is nested too deeply to be embeddings"
            raise EncoderError(self._sentence(problem, "check the URL")) from None

    def _refusal(self, reply: Reply) -> tuple[str, str]:
        """What a status other than success means, and its fix.

        Raises:
            EncoderError: A retry would not help.
        """
        phrase = f" {HTTPStatus(reply.status).phrase}" if reply.status in set(HTTPStatus) else ""
        detail = without_key(_detail(reply.body), self._key)
        problem = f"returned {reply.status}{phrase}" + (f" ({detail})" if detail else "")
        fix = _FIXES.get(reply.status, "check the server's log, or retry later" if reply.status >= 500 else "check it")
        if 300 <= reply.status < 400:
            target = _target(reply.headers.get("Location", ""))
            fix = f"give the URL that it points to, {without_key(target, self._key)}" if target else "check the URL"
        # Some servers cannot write NaN as JSON, and fail for the same text each time.
        unwritable = reply.status >= 500 and re.search(r"\b(?:nan|inf(?:inity)?)\b", detail, re.IGNORECASE)
        if unwritable:
            fix = "the model computes NaN or infinity for a text of this request; check the model and its precision"
        if reply.status not in _AGAIN or unwritable:
            raise EncoderError(self._sentence(problem, fix))
        return problem, fix

    def _sentence(self, problem: str, fix: str) -> str:
        return f"{self.url} {problem}; {fix}"


def _detail(body: bytes) -> str:
    """The server's own message in the body of an error, empty for a page of HTML."""
    text = body.decode(errors="replace")
    try:
        content = msgspec.json.decode(text)
        content = content.get("error", content.get("message", content)) if isinstance(content, dict) else content
        return str(content.get("message", content) if isinstance(content, dict) else content)
    except (msgspec.DecodeError, RecursionError):
        return "" if text.lstrip().startswith("<") else text


def _target(location: str) -> str:
    """The URL of a redirect, or nothing; without name, password, query and fragment, which may be secrets."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme in ("http", "https") and host else parts.path


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
    # Only the host is shown: name, password, query and path may be secrets.
    problem, host = "", ""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        problem = "its host or port" if "@" in address else shortened(printable(str(error)), 60)
    else:
        if "@" in parts.netloc:
            raise UsageError("a URL cannot contain a name or password; set CLINOMETER_API_KEY instead")
        if parts.scheme not in ("http", "https") or not host:
            problem = "it has no host, or is not http"
        elif parts.query or parts.fragment:
            problem = "it has a query or fragment, which cannot be sent"
        elif any(not 33 <= ord(character) <= 126 for character in address):
            problem = "it has white space or characters that are not ASCII"
    if problem:
        where = f" of {host!r}" if host else ""
        raise UsageError(f"invalid URL{where} ({problem}); write one like http://localhost:8000/v1")
    return address.rstrip("/")


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, from a number or a date."""
    if text is None:
        return None
    if re.fullmatch(r"\s*\d{1,15}(?:\.\d*)?\s*", text, re.ASCII):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
