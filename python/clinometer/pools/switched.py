"""Code-switched queries: a query in one language with parts of its translation in another, as bilinguals type them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Literal

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.pools.draws import check_share, number_of, share_of
from clinometer.pools.rebuilt import by_language, noted
from clinometer.statistics.resampling import question_rows

__all__ = ["code_switch", "tokens"]

_WORD = re.compile(r"\S+\s*")
_UNSPACED = ("zh", "th", "ja", "lo", "km", "my")
_SPAN = 2
"""Characters of a span, in languages that put no space between words."""


def code_switch(
    collection: Collection,
    share: float = 0.5,
    *,
    how: Literal["tokens", "halves"] = "tokens",
    pivot: str = "en",
    seed: int = 0,
) -> Collection:
    """Replace a share of each query's tokens by those of its translation in the pivot. [our definition]

    Tokens are words; in Chinese, Japanese, Thai, Lao, Khmer and Burmese spans of two characters, and runs of Latin
    letters and digits. They are aligned by position, not by meaning: token i of n stands for the pivot's tokens from
    i/n to (i + 1)/n of its query, one at least. A pivot token is written once. The result is a mixture with the words
    of both languages, not the grammar of a bilingual speaker.

    Args:
        collection: Any. Its own parallel queries are taken; a query without one in the pivot stays as it is.
        share: Of the tokens of each query, 0 to 1. More replaces a superset of what less replaces.
        how: `tokens`, or `halves`: the first part of the query in its language and the last part, `share` of it, in the
            pivot.
        pivot: The language that is mixed in. Its own queries stay as they are.
        seed: Of the draw of tokens.

    Returns:
        The collection, described in its notes. Ids, languages and judgements of the queries stay.

    Raises:
        LanguageError: The collection has no queries in the pivot.
        UsageError: The share is none, or `how` is unknown.

    Example:
        >>> import clinometer as cm
        >>> builder = cm.CollectionBuilder("tiny")
        >>> builder.add_document("d", "Eine Katze.", "de")
        >>> builder.add_query("de", "Wo schläft die Katze?", "de", group="where")
        >>> builder.add_query("en", "Where does the cat sleep?", "en", group="where")
        >>> cm.pools.code_switch(builder.build(), 0.5, how="halves").queries.texts
        ('Wo schläft the cat sleep?', 'Where does the cat sleep?')
    """
    check_share("the share of replaced tokens", share)
    if how not in ("tokens", "halves"):
        raise UsageError(f"how is {how!r}, but must be tokens or halves")
    pivot = canonical(pivot)
    queries = collection.queries
    if pivot not in queries.languages:
        raise LanguageError(f"the collection has no queries in the pivot {pivot!r}, whose tokens were to be taken")
    step = f"code_switch({share:g}, how={how}, pivot={pivot}, seed={seed})"
    question = question_rows(queries.groups, queries.languages, queries.ids).tolist()
    in_pivot = {question[row]: queries.texts[row] for row in queries.rows_in([pivot]).tolist()}
    texts = list(queries.texts)
    changed, replaced, seen, alone = [], 0, 0, 0
    for row, (label, text) in enumerate(zip(queries.languages, queries.texts, strict=True)):
        if label == pivot:
            continue
        if question[row] not in in_pivot:
            alone += 1
            continue
        own, other = tokens(text, label), tokens(in_pivot[question[row]], pivot)
        chosen = _chosen(len(own), share, how, queries.ids[row], seed)
        texts[row] = _mixed(own, other, chosen) if chosen else text
        changed += [label] if texts[row] != text else []
        replaced, seen = replaced + len(chosen), seen + len(own)
    facts = {
        "queries switched": by_language(changed),
        "tokens replaced": f"{replaced} of {seen}",
        "queries without a translation in the pivot": alone,
    }
    return noted(replace(collection, queries=replace(queries, texts=tuple(texts))), step, facts)


def tokens(text: str, language: str) -> list[str]:
    """The tokens of a query, each with the white space after it.

    Example:
        >>> tokens("Wo schläft sie?", "de"), tokens("COVID-19何时开始", "zh")
        (['Wo ', 'schläft ', 'sie?'], ['COVID-19', '何时', '开始'])
    """
    if language.split("-")[0] not in _UNSPACED:
        return _WORD.findall(text.lstrip())
    found: list[str] = []
    length = 0
    latin = False
    for sign in text.lstrip():
        joins = sign.isascii() and not sign.isspace()
        starts = not found or found[-1][-1].isspace() or joins != latin or (not latin and length == _SPAN)
        if sign.isspace() or unicodedata.category(sign).startswith("M"):
            # Marks belong to the letter before them.
            starts = not found
        else:
            length = 1 if starts else length + 1
            latin = joins
        if starts:
            found.append(sign)
        else:
            found[-1] += sign
    return found


def _chosen(count: int, share: float, how: str, query: str, seed: int) -> set[int]:
    wanted = share_of(count, share)
    if how == "halves":
        return set(range(count - wanted, count))
    return set(sorted(range(count), key=lambda at: number_of(f"{query}\x1f{at}", seed, "token"))[:wanted])


def _mixed(own: list[str], other: list[str], chosen: set[int]) -> str:
    """The own tokens, those of `chosen` replaced by the other's at the same part of the query."""
    text = ""
    written: set[int] = set()
    for at, token in enumerate(own):
        if at not in chosen:
            text += token
            continue
        start = at * len(other) // len(own)
        stop = max((at + 1) * len(other) // len(own), start + 1)
        new = [place for place in range(start, stop) if place not in written]
        written.update(new)
        text += " " + "".join(f"{other[place].strip()} " for place in new)
    return " ".join(text.split())
