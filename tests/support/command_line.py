"""The command line as a function, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def assert_complaint(done: Outcome, code: int, *parts: str) -> None:
    """Exit code, nothing on standard output, and one complaint, with these parts, as the last line; no traceback."""
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("clinometer: ")
    for part in parts:
        assert part in last
    assert done.err.count("clinometer: ") == 1
