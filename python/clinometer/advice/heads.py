"""Documents cut in two: the head of a text stands in for a query whose only known answer is the rest of that text.

The inverse cloze task of Lee, Chang and Toutanova (2019), used to measure instead of to train: it needs no judgements.
"""

from __future__ import annotations

import re

from clinometer.collection import Collection, CollectionBuilder, Texts

__all__ = ["head_and_tail", "headed"]

_SENTENCE_END = re.compile(r"[.!?。！？।॥؟။።]+[\"'”’»)\]]*(?=\s|\S)")
_SHORTEST_HEAD, _LONGEST_HEAD, _SHORTEST_TAIL = 10, 200, 40


def head_and_tail(text: str) -> tuple[str, str] | None:
    """The first sentence of a text and the rest; the first third, if its first sentence is very short or long.

    Args:
        text: Text of a document.

    Returns:
        Head and tail, or None for a text that is too short to be cut.

    Example:
        >>> head_and_tail("A cat sleeps on the mat. Nobody knows how it came there, and nobody asks.")
        ('A cat sleeps on the mat.', 'Nobody knows how it came there, and nobody asks.')
        >>> head_and_tail("Too short.") is None
        True
    """
    text = " ".join(text.split())
    for match in _SENTENCE_END.finditer(text):
        if match.end() > _LONGEST_HEAD:
            break
        if match.end() >= _SHORTEST_HEAD and len(text) - match.end() > _SHORTEST_TAIL:
            return text[: match.end()].strip(), text[match.end() :].strip()
    third = min(len(text) // 3, _LONGEST_HEAD)
    # Words stay whole where a language has spaces.
    space = text.rfind(" ", third // 2, third)
    cut = space if space > 0 else third
    if cut < _SHORTEST_HEAD or len(text) - cut <= _SHORTEST_TAIL:
        return None
    return text[:cut].strip(), text[cut:].strip()


def headed(source: str, texts: Texts) -> Collection | None:
    """A collection of heads as queries and tails as documents, each head judged for its own tail.

    Args:
        source: Name of the collection.
        texts: Documents; those that are too short to be cut are left out.

    Returns:
        The collection; None if no document can be cut.
    """
    builder = CollectionBuilder(source)
    empty = True
    for name, text, language in zip(texts.ids, texts.texts, texts.languages, strict=True):
        if parts := head_and_tail(text):
            head, tail = parts
            builder.add_query(name, head, language)
            builder.add_document(name, tail, language)
            builder.judge(name, name)
            empty = False
    return None if empty else builder.build()
