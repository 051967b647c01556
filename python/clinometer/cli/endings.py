"""How a command ends: an exit code, and one sentence for every error that a user can cause."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import typer

from clinometer.cli.argument_names import option_names, with_options
from clinometer.cli.streams import broken, finish, guarded
from clinometer.errors import ClinometerError, UsageError, printable

__all__ = ["FULL", "UNREAD", "ended", "with_errors_reported"]

_INTERRUPTED, UNREAD = 130, 141
"""Exit codes as shells give them to a process that Ctrl-C or the end of its reader ended."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk without space."""


@contextmanager
def ended() -> Iterator[None]:
    """Ctrl-C is one line, and output that nobody reads any more no word at all."""
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED)
    except BrokenPipeError as error:
        if not broken():
            _fail(error, 1)
        raise SystemExit(UNREAD) from None
    except OSError as error:
        _fail(error, 1)


def with_errors_reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with a sentence and an exit code for every error that a user can cause."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            with guarded():
                command(*arguments, **options)
        except ClinometerError as error:
            _fail(with_options(str(error), option_names(command)), 2 if isinstance(error, UsageError) else 1)
        except MemoryError:
            _fail("not enough memory; choose fewer texts or languages, or a machine with more memory", 1)

    return run


def _fail(problem: object, code: int) -> NoReturn:
    if isinstance(problem, OSError):
        # Where standard output is the file that is full, what it still holds would fail again.
        finish()
    if isinstance(problem, OSError) and problem.strerror:
        # The system's own words, without its error number.
        fix = "check the path"
        if problem.errno in FULL:
            fix = "free some space and run the same command again"
        elif problem.errno == errno.EFBIG:
            fix = "raise the limit of file sizes, or choose another disk, and run the same command again"
        elif problem.filename is None:
            fix = "try again"
        where = "" if problem.filename is None else f"{os.fsdecode(problem.filename)}: "
        problem = f"{where}{problem.strerror}; {fix}"
    with guarded():
        sys.stderr.write(f"clinometer: {printable(str(problem))}\n")
    raise typer.Exit(code)
