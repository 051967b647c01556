"""One address that answers requests in JSON: waiting its turn, asking again where that may help, and saying why not.

The key goes into the header of a request and nowhere else; redirections are not followed, so it reaches no other host.
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

from clinometer.errors import EncoderError, UsageError

__all__ = ["LOOPBACK", "Endpoint", "Pace", "checked_address"]

_logger = logging.getLogger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 120.0
# Timeouts, early requests, too many requests, and a server or gateway that is not well.
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are this machine."""
_MENDS = {
    400: "a text may be longer than the model takes, or the model may not know a field of the request",
    401: "set CLINOMETER_API_KEY to a key of this server",
    403: "set CLINOMETER_API_KEY to a key that may use this model",
    404: "check the address, which mostly ends in /v1, and the name of the model",
    413: "lower batch_size",
    422: "check the name of the model, and the fields of the request",
    429: "lower requests-per-minute or concurrency, or wait and run again",
}


class Pace:
    """Spreads requests over time, so that a limit per minute is never passed, in bursts neither.

    Args:
        requests_per_minute: At most so many requests; None for no limit.
        texts_per_minute: At most so many texts; None for no limit.

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
        """Take a place in the row: the seconds to wait before sending this many texts."""
        with self._lock:
            start = max(now, self._free_at)
            self._free_at = start + max(self._request, self._text * texts)
            return start - now


class Endpoint:
    """Posts to one address until it answers.

    Timeouts, broken connections, broken answers and the statuses 408, 425, 429, 500, 502, 503, 504 and 529 are tried
    again after 1, 2, 4, ... seconds, each times a random number between 0.5 and 1, or after what `Retry-After` says. A
    server that cannot be reached is only waited for if it has answered before.

    Args:
        url: Where requests go.
        key: Sent as a bearer token; None for none.
        timeout: Seconds that one request may take to send anything.
        retries: How often a request is tried again.
        pace: Limits over time.
    """

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, pace: Pace) -> None:
        self.url, self._key, self._timeout, self._retries, self._pace = url, key, timeout, retries, pace
        self._stopped = threading.Event()
        self._reached = False
        # A proxy of the environment cannot see this machine's own servers.
        proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in LOOPBACK else []
        self._opener = urllib.request.build_opener(_Unredirected, *proxies)

    def start(self) -> None:
        """Answer again after a stop."""
        self._stopped.clear()

    def stop(self) -> None:
        """Let threads that wait end instead of asking again."""
        self._stopped.set()

    def post(self, body: Mapping[str, Any], texts: int) -> Any:
        """The decoded answer to a JSON body that carries so many texts.

        Raises:
            EncoderError: The server refuses, or does not answer however often it is asked.
        """
        request = urllib.request.Request(self.url, msgspec.json.encode(body), self._headers(), method="POST")  # noqa: S310 - the scheme was checked
        for attempt in range(self._retries + 1):
            self._pause(self._pace.turn(texts, time.monotonic()))
            asked: float | None = None
            try:
                with self._opener.open(request, timeout=self._timeout) as answer:
                    self._reached = True
                    return msgspec.json.decode(answer.read())
            except urllib.error.HTTPError as error:
                self._reached = True
                with error:
                    problem = f"answered {error.code} {error.reason}{self._said(error)}"
                    if error.code not in _AGAIN:
                        raise EncoderError(self._sentence(problem, _mend(error))) from None
                    asked = _retry_after(error.headers.get("Retry-After"))
                mend = _mend(error)
            except (msgspec.DecodeError, UnicodeDecodeError, HTTPException) as error:
                self._reached = True
                problem = f"broke off, or gave an answer that is not whole JSON ({_named(error)})"
                mend = "look at the server's log"
            except TimeoutError:
                self._reached = True
                problem, mend = f"did not answer within {self._timeout:g} s", "raise the timeout or lower batch_size"
            except OSError as error:
                problem = f"cannot be reached ({_named(getattr(error, 'reason', error))})"
                mend = "check the address, and that the server runs"
                if isinstance(getattr(error, "reason", None), TimeoutError):
                    problem, mend = f"took no connection within {self._timeout:g} s", mend
                if not self._reached:
                    raise EncoderError(self._sentence(problem, mend)) from None
            if attempt == self._retries:
                break
            wait = _FIRST_WAIT * 2**attempt * float(np.random.default_rng().uniform(0.5, 1))
            if asked is not None:
                if asked > _LONGEST_WAIT:
                    raise EncoderError(self._sentence(f"{problem} and asks to wait {asked:.0f} s", "run again then"))
                wait = max(wait, asked)
            _logger.warning("%s %s; asking again in %.1f s", self.url, problem, wait)
            self._pause(wait)
        raise EncoderError(self._sentence(f"{problem}, {self._retries + 1} times", mend))

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "clinometer"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise EncoderError(f"{self.url}: stopped, because another request failed")

    def _said(self, error: urllib.error.HTTPError) -> str:
        """The server's own words, short and without the key, which some servers repeat."""
        try:
            text = error.read(4096).decode(errors="replace")
        except (OSError, HTTPException):
            return ""
        try:
            found = msgspec.json.decode(text)
            found = found.get("error", found.get("message", found)) if isinstance(found, dict) else found
            text = str(found.get("message", found) if isinstance(found, dict) else found)
        except msgspec.DecodeError:
            text = "" if text.lstrip().startswith("<") else text
        text = " ".join(text.split())
        if self._key:
            text = text.replace(self._key, "***")
        return f" ({text[:200].rstrip('.')})" if text else ""

    def _sentence(self, problem: str, mend: str) -> str:
        return f"{self.url} {problem}; {mend}"


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """A redirection is an error that names where to: following it would send texts and key to another place."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def checked_address(address: str) -> str:
    """The address without a slash at its end.

    Raises:
        UsageError: It has no host, or holds a password, a query or a fragment.

    Example:
        >>> checked_address("http://localhost:8000/v1/")
        'http://localhost:8000/v1'
        >>> checked_address("http://me:secret@localhost/v1")
        Traceback (most recent call last):
        clinometer.errors.UsageError: an address cannot hold a name or password; set CLINOMETER_API_KEY instead
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{address!r} is no address ({error}); write one like http://localhost:8000/v1") from None
    if "@" in parts.netloc:
        raise UsageError("an address cannot hold a name or password; set CLINOMETER_API_KEY instead")
    fits = parts.scheme in ("http", "https") and host and not (parts.query or parts.fragment)
    if not fits or any(map(str.isspace, address)):
        raise UsageError(f"{address!r} is no address of a server; write one like http://localhost:8000/v1")
    return address.rstrip("/")


def _mend(error: urllib.error.HTTPError) -> str:
    if 300 <= error.code < 400:
        where = error.headers.get("Location")
        return f"give the address that it points to, {where}" if where else "check the address"
    return _MENDS.get(error.code, "look at the server's log, or run again later" if error.code >= 500 else "check it")


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number of them or from a date."""
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


def _named(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
