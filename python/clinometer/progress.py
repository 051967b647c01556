"""Progress of long steps on standard error: a bar with rate and time left, or single lines where there is no terminal.

Nothing is imported for what is not drawn: tqdm brings asyncio, which takes longer than NumPy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

__all__ = ["Bar", "Lines", "Silent", "drawn", "progress", "tracked"]

_Item = TypeVar("_Item")
_MINUTE, _AT_ONCE = 60.0, 1.0


class Bar(Protocol):
    """What a step does with its bar; tqdm's are such."""

    n: float

    def update(self, n: float = 1) -> bool | None:
        """Move the bar on by n."""

    def set_postfix(self, values: Mapping[str, Any]) -> None:
        """Show further values behind it."""

    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Any:
        """The bar itself."""

    def __exit__(self, *error: object) -> Any:
        """End it."""


class Silent(AbstractContextManager["Silent"]):
    """A bar that is not drawn."""

    def __init__(self, initial: float = 0) -> None:
        self.n: float = initial

    def update(self, n: float = 1) -> None:
        """Count."""
        self.n += n

    def set_postfix(self, values: Mapping[str, Any]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """End it."""

    def __exit__(self, *error: object) -> None:
        """End it."""
        self.close()


class Lines(Silent):
    """A line at the end of a step, and one for every minute before: for logs, in which a bar cannot be redrawn.

    Args:
        total: Number of things to do.
        step: Name of the step.
        unit: Noun for them, in the plural.
        initial: Number of those that an earlier run has done.
        least: Seconds of a step that is worth a line.
        clock: Seconds.
    """

    def __init__(
        self,
        total: int,
        step: str,
        unit: str,
        initial: float = 0,
        *,
        least: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(initial)
        self._total, self._step, self._unit, self._initial, self._clock = total, step, unit, initial, clock
        self._start = self._last = clock()
        self._values, self._least = "", least
        self._open = True

    def update(self, n: float = 1) -> None:
        """Move on by n, and write a line if the last one is a minute old."""
        super().update(n)
        if (now := self._clock()) - self._last >= _MINUTE and self.n < self._total:
            self._last = now
            rate = self._rate()
            left = f", {_span((self._total - self.n) / rate)} left" if rate else ""
            self._write(f"{_count(rate)}/s{left}")

    def set_postfix(self, values: Mapping[str, Any]) -> None:
        """Show these values in the next lines."""
        self._values = "".join(f", {name} {value}" for name, value in values.items())

    def close(self) -> None:
        """Write the last line, once."""
        if self._open:
            self._open = False
            if self._clock() - self._start < self._least:
                return
            self._write(f"{_span(self._clock() - self._start)}, {_count(self._rate())}/s")

    def _rate(self) -> float:
        seconds = self._clock() - self._start
        return (self.n - self._initial) / seconds if seconds > 0 else 0.0

    def _write(self, text: str) -> None:
        sys.stderr.write(f"{self._step}: {self.n:,.0f} of {self._total:,} {self._unit}, {text}{self._values}\n")
        sys.stderr.flush()


def drawn() -> bool:
    """Whether a bar can be redrawn: standard error is a terminal, or a notebook."""
    # That the package of kernels is loaded does not mean that this process is one.
    ipython: Any = sys.modules.get("IPython")
    return sys.stderr.isatty() or (ipython is not None and hasattr(ipython.get_ipython(), "kernel"))


def progress(
    total: int, step: str, unit: str, *, shown: bool, initial: int = 0, scaled: bool = False, late: bool = False
) -> Bar:
    """The bar of a step, to be used in `with`.

    Args:
        total: Number of things to do.
        step: Name of the step.
        unit: Noun for them, in the plural.
        shown: Whether to show anything.
        initial: Number of those that an earlier run has done; they do not count for the rate.
        scaled: Whether large numbers are shortened, as in `1.2M`.
        late: Whether nothing is shown of a step that is over at once.

    Example:
        >>> with progress(3, "scan", "documents", shown=False) as bar:
        ...     bar.update(2)
        >>> bar.n
        2
    """
    if not shown:
        return Silent(initial)
    if not drawn():
        return Lines(total, step, unit, initial, least=_AT_ONCE if late else 0)
    from tqdm.auto import tqdm

    bar: Bar = tqdm(
        total=total, initial=initial, desc=step, unit=f" {unit}", unit_scale=scaled, file=sys.stderr,
        delay=_AT_ONCE if late else 0,
    )  # fmt: skip
    return bar


def tracked(
    items: Iterable[_Item], step: str, unit: str, *, shown: bool, total: int | None = None, late: bool = False
) -> Iterator[_Item]:
    """The items, with a bar that counts those that have been dealt with.

    Args:
        items: Anything with a length, unless `total` is given.
        step: Name of the step.
        unit: Noun for the items, in the plural.
        shown: Whether to show anything.
        total: Number of the items, or the most that they can be.
        late: Whether nothing is shown of a step that is over at once.

    Example:
        >>> list(tracked(["en", "de"], "languages", "languages", shown=False))
        ['en', 'de']
    """
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    with progress(count, step, unit, shown=shown, late=late) as bar:
        for item in items:
            yield item
            bar.update()


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _span(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, without what is 0 at the front.

    Example:
        >>> _span(4.26), _span(75), _span(3723)
        ('4.3 s', '1:15 min', '1:02:03 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
