"""Sentences of a text in any language, as slices that put together give the text again."""

from __future__ import annotations

import re

__all__ = ["sentences"]

# Full stops of most scripts. A Latin mark needs a space after it, one of a script without spaces does not.
_END = re.compile(r"[.!?؟।॥۔…]+[\"'”’»)\]]*\s+|[。！？]+[」』”’）]*\s*|\n+")
# Thai, Lao, Khmer and Burmese set a space, not a mark, between sentences.
_SPACED = re.compile(r"\s+")
_SPACE_ENDS = ("th", "lo", "km", "my")


def sentences(text: str, language: str) -> list[str]:
    """The sentences of a text, each with the white space after it.

    A rule, not a model: abbreviations end a sentence here, and in Thai a space does.

    Example:
        >>> sentences("It rains. Why? Nobody knows", "en")
        ['It rains. ', 'Why? ', 'Nobody knows']
        >>> sentences("下雨了。为什么？", "zh")
        ['下雨了。', '为什么？']
    """
    pattern = _SPACED if language.split("-")[0] in _SPACE_ENDS else _END
    found, start = [], 0
    for match in pattern.finditer(text):
        if match.start() > start:
            found.append(text[start : match.end()])
            start = match.end()
    if start < len(text):
        found.append(text[start:])
    return found
