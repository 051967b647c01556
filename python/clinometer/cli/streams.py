"""Standard output and standard error of a command: free of control characters, and quiet when nobody reads any more."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from clinometer.cli.terminal import columns, wrapped
from clinometer.errors import printable

__all__ = ["broken", "finish", "guarded", "prepare"]

_CURSOR_UP = "\x1b[A"
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


class _Guard:
    """A text stream that shows control characters as escapes, wherever they come from: files, servers, libraries.

    What progress bars need is left: a carriage return at the start, and the way back to an earlier line. Messages are
    broken into lines that fit a terminal.

    Args:
        stream: The stream.
        messages: Whether it is for messages, and not for results, which are drawn to fit or must stay as they are.
    """

    def __init__(self, stream: IO[str], *, messages: bool) -> None:
        self._stream, self._messages = stream, messages

    def write(self, text: str) -> int:
        """Write the text."""
        rest = text.lstrip("\r")
        if rest.replace(_CURSOR_UP, "").strip("\n"):
            start = text[: len(text) - len(rest)]
            shown = printable(rest, lines=True)
            if self._messages and not start and _CURSOR_UP not in rest and self._stream.isatty():
                shown = wrapped(shown, columns(self._stream) or len(shown))
            text = start + shown
        return self._stream.write(text)

    def write_styled(self, text: str) -> int:
        """Write text in which escape sequences are colours of our own; foreign text in it has none left."""
        parts = _STYLE.split(text)
        parts[::2] = [printable(part, lines=True) for part in parts[::2]]
        return self._stream.write("".join(parts))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Standard output and error through a guard."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Guard(streams[0], messages=False), _Guard(streams[1], messages=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def prepare() -> None:
    """Streams that can be written to, whatever the shell closed, and whatever their encoding."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        # A stream in a test, or one of another program, may not have this.
        with suppress(AttributeError, OSError, ValueError):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def broken() -> bool:
    """Whether the reader of standard output or error has gone, as `head` does; these then go nowhere."""
    gone = [stream for stream in (sys.stdout, sys.stderr) if _is_unread(stream)]
    for stream in gone:
        _discard(stream)
    return bool(gone)


def _is_unread(stream: Any) -> bool:
    try:
        stream.flush()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):
        pass
    # The write that failed may have left nothing to write.
    with suppress(AttributeError, OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False


def finish() -> OSError | None:
    """Write what is left for standard output; returns the error, after which nothing more is written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        return error
    return None


def _discard(stream: Any) -> None:
    """Send what the stream still holds nowhere, or the interpreter would complain of it when it ends."""
    with suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
