"""Text from a server, of which nothing is shown that repeats the API key.

A server may repeat the key in many forms, so a text in which any form of it is detected is left out as a whole.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from clinometer.errors import printable, shortened

__all__ = ["repeats_key", "without_key"]

# Fewer characters than this are no secret, and may be part of any text.
_TELLING = 10
_LONGEST = 200
_DEEPEST = 4
_WITHHELD = "its message repeats the API key, and is left out"


def without_key(text: str, key: str | None) -> str:
    """A server's text in one line, shortened, or a note in its place if it repeats the key.

    Example:
        >>> without_key("no such model", "sk-very-secret")
        'no such model'
        >>> without_key("denied: Bearer sk-very-secret", "sk-very-secret")
        'denied: Bearer ***'
        >>> without_key("denied: sk%2Dvery%2Dsecret", "sk-very-secret")
        'its message repeats the API key, and is left out'
    """
    text = " ".join(text.split())
    if key:
        text = text.replace(key, "***")
        if repeats_key(text, key):
            return _WITHHELD
    return shortened(printable(text), _LONGEST).rstrip(".")


def repeats_key(text: str, key: str | None) -> bool:
    """Whether a text has the key or much of it: as it is, or as URLs, JSON, HTML, base64, base32 or hexadecimal digits.

    Args:
        text: Any text.
        key: The key. Of one with fewer than 10 characters, such as `none`, only the whole counts.
    """
    if not key:
        return False
    size = min(len(key), _TELLING)
    if len(key) < _TELLING:
        return key in text
    parts = {key[start : start + size].lower() for start in range(len(key) - size + 1)}
    return any(_has(form.lower(), parts, size) for form in _forms(text))


def _has(text: str, parts: set[str], size: int) -> bool:
    return any(text[start : start + size] in parts for start in range(len(text) - size + 1))


def _forms(text: str) -> Iterator[str]:
    """The text, what it may be an encoding of, and each of these without what may stand between letters."""
    level, seen = {text}, set[str]()
    for _ in range(_DEEPEST):
        seen |= level
        decoded = set()
        for form in level:
            yield from (form, re.sub(r"[\s\x00-\x1f\u200b-\u200f\"',\\]", "", form), form[::-1])
            decoded |= {_unescaped(form), html.unescape(form), unquote(form), unquote_plus(form), *_decoded(form)}
        level = decoded - seen


def _unescaped(text: str) -> str:
    return re.sub(r"\\+(?:u|x)\{?([0-9a-fA-F]{2,6})\}?", _character, text)


def _character(match: re.Match[str]) -> str:
    digits = match[1][:4] if match[0].lstrip("\\").startswith("u") else match[1][:2]
    return chr(int(digits, 16)) + match[1][len(digits) :]


def _decoded(text: str) -> Iterator[str]:
    for run in re.findall(r"[A-Za-z0-9+/_\-\s]{12,}", text):
        digits = re.sub(r"\s", "", run).replace("-", "+").replace("_", "/")
        for start in range(4):
            whole = digits[start : start + (len(digits) - start) // 4 * 4]
            yield base64.b64decode(whole).decode("latin-1")
            rest = digits[start:] + "A" * (-(len(digits) - start) % 4)
            yield base64.b64decode(rest).decode("latin-1")
    for run in re.findall(r"(?:[0-9a-fA-F]{2}[\s:,-]?){8,}", text):
        digits = re.sub(r"[^0-9a-fA-F]", "", run)
        for start in range(2):
            yield bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2]).decode("latin-1")
    for run in re.findall(r"[A-Za-z2-7]{16,}", text):
        yield base64.b32decode(run.upper()[: len(run) // 8 * 8]).decode("latin-1")
