"""Terms of texts in any language, without dictionaries or network: words, and character n-grams in scripts without
spaces between words.

The script of each character decides, not the language of the text, so an English name in a Chinese sentence is a word.
Texts are brought to NFKC and case-folded first. A word is a run of letters, combining marks and digits (without marks,
most Hindi words would fall apart). Runs of Han, Kana and Hangul become overlapping bigrams, as in Lucene's CJK
analyzer; runs of Thai, Lao, Khmer and Myanmar become overlapping trigrams. A shorter run is one term. No stop words are
removed, and nothing is stemmed.
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
"""Soft hyphen and zero-width joiner, which shape a word but do not end it."""
_OUTSIDE, _WORD = 0, 1


class _Kinds(dict[str, int]):
    """Kind of each character, computed at its first use: 0 outside terms, 1 in words, n in n-grams."""

    def __missing__(self, character: str) -> int:
        kind = _OUTSIDE
        if unicodedata.category(character)[0] in "LMN":
            code = ord(character)
            lengths = (n for n, spans in _GRAMS.items() for first, last in spans if first <= code <= last)
            kind = next(lengths, _WORD)
        self[character] = kind
        return kind


_KINDS = _Kinds()


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repetitions.

    Example:
        >>> terms("Who painted 蒙娜丽莎?"), terms("हिन्दी में"), terms("ภาษา")
        (['who', 'painted', '蒙娜', '娜丽', '丽莎'], ['हिन्दी', 'में'], ['ภาษ', 'าษา'])
    """
    text_terms: list[str] = []
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_UNSEEN)).casefold())
    for kind, run in groupby(folded, _KINDS.__getitem__):
        if kind == _OUTSIDE:
            continue
        word = "".join(run)
        if kind == _WORD or len(word) <= kind:
            text_terms.append(word)
        else:
            text_terms += [word[start : start + kind] for start in range(len(word) - kind + 1)]
    return text_terms
