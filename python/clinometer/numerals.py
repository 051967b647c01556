"""Numbers written as text: ASCII digits in decimal, and nothing else.

`int` and `float` also read `1_0` as 10, digits of other scripts and spaces; a file or an option that holds these is
wrong, and says so.
"""

from __future__ import annotations

import re

from clinometer.errors import UsageError, shown

__all__ = ["read_bytes", "read_int", "read_number", "read_score"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,6})?")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_BYTES = re.compile(r" *([0-9]{1,30}(?:\.[0-9]{1,30})?) *([kmgt]?)b? *", re.IGNORECASE | re.ASCII)


def read_int(text: str) -> int:
    """A whole number of up to 40 digits, with or without a sign.

    Raises:
        UsageError: It is something else.

    Example:
        >>> read_int("-12")
        -12
        >>> read_int("1_0")
        Traceback (most recent call last):
        clinometer.errors.UsageError: '1_0' is not a whole number
    """
    if _WHOLE.fullmatch(text) is None:
        raise UsageError(f"{shown(text)} is not a whole number")
    return int(text)


def read_number(text: str) -> float:
    """A decimal number, with or without an exponent; infinite where its value is too great for float64.

    Raises:
        UsageError: It is something else, NaN and infinity included.

    Example:
        >>> read_number("1.5e3"), read_number(".5")
        (1500.0, 0.5)
    """
    if _DECIMAL.fullmatch(text) is None:
        raise UsageError(f"{shown(text)} is not a number")
    return float(text)


def read_score(text: str) -> float:
    """A decimal number, or infinity as C's `strtod` reads it; errors are those of `read_number`.

    Example:
        >>> read_score("-inf"), read_score("2")
        (-inf, 2.0)
    """
    return float(text) if _INFINITE.fullmatch(text) else read_number(text)


def read_bytes(text: str, name: str) -> int:
    """A number of bytes such as `4GB`: decimal units, 1 kB is 1,000 bytes.

    Args:
        text: The text.
        name: Name of the option or argument, for the message.

    Raises:
        UsageError: It is something else.

    Example:
        >>> read_bytes("4GB", "memory_budget"), read_bytes("512 mb", "memory_budget"), read_bytes("7", "memory_budget")
        (4000000000, 512000000, 7)
    """
    match = _BYTES.fullmatch(text)
    if match is None:
        raise UsageError(f"{name} is {shown(text)}; write it like 4GB or 512MB")
    return int(float(match[1]) * 1000 ** " kmgt".index(match[2].lower() or " "))
