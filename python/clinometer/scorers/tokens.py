"""Terms of texts in any language, without dictionaries and without network: words, and character n-grams where scripts
put no spaces between words.

The script of each character decides, not the language of the text, so an English name in a Chinese sentence is a word.
Texts are brought to NFKC and case-folded first. A word is a run of letters, combining marks and digits (marks belong to
words: without them most Hindi words would fall apart). Runs of Han, Kana and Hangul become overlapping bigrams, as
Lucene's CJK analyzer makes them; runs of Thai, Lao, Khmer and Myanmar become overlapping trigrams. A shorter run is
taken whole. There are no stop words and no stemming.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby

__all__ = ["TOKENIZER", "terms"]

TOKENIZER = "NFKC, casefold; words; bigrams of Han, Kana, Hangul; trigrams of Thai, Lao, Khmer, Myanmar"

_GRAMS = {
    2: ((0x1100, 0x11FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x3130, 0x318F), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x323AF)),
    3: ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
}  # fmt: skip
_UNSEEN = str.maketrans("", "", "\u00ad\u200d")
"""Soft hyphen and zero-width joiner, which shape a word and do not end it."""
_ASIDE, _WORD = 0, 1


class _Kinds(dict[str, int]):
    """Kind of each character, found when it is first seen: 0 belongs to no term, 1 to a word, n to n-grams."""

    def __missing__(self, character: str) -> int:
        kind = _ASIDE
        if unicodedata.category(character)[0] in "LMN":
            code = ord(character)
            fits = (n for n, spans in _GRAMS.items() for first, last in spans if first <= code <= last)
            kind = next(fits, _WORD)
        self[character] = kind
        return kind


_KINDS = _Kinds()


def terms(text: str) -> list[str]:
    """The terms of a text, in order, repeated ones repeated.

    Example:
        >>> terms("Who painted 蒙娜丽莎?"), terms("हिन्दी में"), terms("ภาษา")
        (['who', 'painted', '蒙娜', '娜丽', '丽莎'], ['हिन्दी', 'में'], ['ภาษ', 'าษา'])
    """
    found: list[str] = []
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_UNSEEN)).casefold())
    for kind, run in groupby(folded, _KINDS.__getitem__):
        if kind == _ASIDE:
            continue
        word = "".join(run)
        if kind == _WORD or len(word) <= kind:
            found.append(word)
        else:
            found += [word[at : at + kind] for at in range(len(word) - kind + 1)]
    return found
