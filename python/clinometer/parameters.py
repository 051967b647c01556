"""Values of parameters, checked where they enter: whole numbers, numbers, switches, choices and texts.

Python itself would take `True` for 1, an array for a condition, and a text for a list of its letters.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from clinometer.errors import UsageError, shown

__all__ = ["MOST_THREADS", "choice", "number", "switch", "texts", "thread_number", "whole"]

MOST_THREADS = 4096
"""Threads of one call; no machine has more cores."""


def whole(value: object, name: str, *, least: int | None = None, most: int | None = None) -> int:
    """A whole number, not a truth value, of Python or NumPy.

    Args:
        value: The value.
        name: Name of the parameter, for the message.
        least: Smallest valid value.
        most: Greatest valid value.

    Raises:
        UsageError: It is something else, or outside these bounds.

    Example:
        >>> whole(3, "k", least=0)
        3
        >>> whole(1.5, "k", least=0)
        Traceback (most recent call last):
        clinometer.errors.UsageError: k is 1.5, but must be a whole number
    """
    try:
        if isinstance(value, (bool, np.bool_)) or np.ndim(value) != 0:  # type: ignore[arg-type]
            raise TypeError
        integer = operator.index(value)  # type: ignore[arg-type]
    except Exception:
        raise UsageError(f"{name} is {shown(value)}, but must be a whole number") from None
    _refuse_outside(integer, name, least, most)
    return integer


def thread_number(value: object, name: str = "threads") -> int | None:
    """A number of threads, None for the default.

    Raises:
        UsageError: It is neither.
    """
    return None if value is None else whole(value, name, least=1, most=MOST_THREADS)


def number(value: object, name: str, *, least: float | None = None, most: float | None = None) -> float:
    """A finite real number, not a truth value, of Python or NumPy; arguments and errors are those of `whole`.

    Example:
        >>> number(1, "smoothing")
        1.0
    """
    try:
        if isinstance(value, (bool, np.bool_, str, bytes, complex, np.complexfloating)) or np.ndim(value) != 0:  # type: ignore[arg-type]
            raise TypeError
        real = float(value)  # type: ignore[arg-type]
    except Exception:
        raise UsageError(f"{name} is {shown(value)}, but must be a number") from None
    if not np.isfinite(real):
        raise UsageError(f"{name} is {shown(value)}, but must be a finite number")
    _refuse_outside(real, name, least, most)
    return real


def switch(value: object, name: str) -> bool:
    """A truth value of Python or NumPy.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} is {shown(value)}, but must be True or False")
    return bool(value)


def choice(value: object, name: str, choices: Collection[str]) -> str:
    """One of some names.

    Raises:
        UsageError: It is none of them; the message gives them.

    Example:
        >>> choice("euclidean", "similarity", ("cosine", "dot"))
        Traceback (most recent call last):
        clinometer.errors.UsageError: unknown similarity 'euclidean'; expected cosine or dot
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = choices
        expected = f"one of {', '.join((*others, last))}" if len(others) > 1 else " or ".join((*others, last))
        raise UsageError(f"unknown {name} {shown(value)}; expected {expected}")
    return value


def texts(values: object, name: str) -> list[str]:
    """A list of texts, in order.

    Raises:
        UsageError: It is one text, something without order, or holds other values; the message names the first.

    Example:
        >>> texts(np.array(["en", "de"]), "languages")
        ['en', 'de']
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} must be a list of texts, not {shown(values)}")
    if isinstance(values, (set, frozenset)):
        raise UsageError(f"{name} must be a list of texts; a set has no order")
    try:
        items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    except Exception:
        raise UsageError(f"{name} must be a list of texts, not {shown(values)}") from None
    if not isinstance(items, list):
        raise UsageError(f"{name} must be a list of texts, not {shown(values)}")
    if not set(map(type, items)) <= {str}:
        for place, item in enumerate(items):
            if not isinstance(item, str):
                raise UsageError(f"{name} must be a list of texts, but item {place} is {shown(item)}")
    return [str(item) for item in items]


def _refuse_outside(value: float, name: str, least: float | None, most: float | None) -> None:
    if least is not None and value < least:
        rule = "cannot be negative" if least == 0 else f"must be {least:,} or more"
        raise UsageError(f"{name} is {shown(value)}, but {rule}")
    if most is not None and value > most:
        raise UsageError(f"{name} is {shown(value)}, but can be at most {most:,}")
