"""Code-switched queries: queries in one language with parts of their translation in another, as bilinguals type."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Literal

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.pools.draws import check_share, number_of, share_of
from clinometer.pools.rebuilt import by_language, noted
from clinometer.statistics.resampling import question_rows

__all__ = ["code_switch", "tokens"]

_WORD = re.compile(r"\S+\s*")
_UNSPACED = ("zh", "th", "ja", "lo", "km", "my")
_SPAN = 2
"""Characters of a span, in languages that put no space between words."""


@checked
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
    letters and digits. They are aligned by position, not by meaning: token i of n corresponds to the pivot's tokens
    from i/n to (i + 1)/n of its query, at least one. Each pivot token is used once. The result mixes the words of both
    languages, but does not follow the grammar of a bilingual speaker.

    Args:
        collection: Any collection. Its own parallel queries are the source; a query without one in the pivot is not
            changed.
        share: Share of the tokens of each query, 0 to 1. A larger share replaces a superset of a smaller one.
        how: `tokens`, or `halves`: the first part of the query in its language and the last part, `share` of it, in the
            pivot.
        pivot: The language that is mixed in. Its own queries are not changed.
        seed: Seed of the draw of tokens.

    Returns:
        The collection, described in its notes. Ids, languages and judgements of the queries are kept.

    Raises:
        LanguageError: The collection has no queries in the pivot.
        UsageError: The share is out of range, or `how` is unknown.

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
        raise LanguageError(f"the collection has no queries in the pivot {pivot!r}, so there are no tokens to mix in")
    step = f"code_switch({share:g}, how={how}, pivot={pivot}, seed={seed})"
    question = question_rows(queries.groups, queries.languages, queries.ids).tolist()
    pivot_text_of = {question[row]: queries.texts[row] for row in queries.rows_in([pivot]).tolist()}
    texts = list(queries.texts)
    changed_labels, replaced_count, token_count, without_pivot = [], 0, 0, 0
    for row, (label, text) in enumerate(zip(queries.languages, queries.texts, strict=True)):
        if label == pivot:
            continue
        if question[row] not in pivot_text_of:
            without_pivot += 1
            continue
        own_tokens, pivot_tokens = tokens(text, label), tokens(pivot_text_of[question[row]], pivot)
        positions = _chosen(len(own_tokens), share, how, queries.ids[row], seed)
        texts[row] = _mixed(own_tokens, pivot_tokens, positions) if positions else text
        changed_labels += [label] if texts[row] != text else []
        replaced_count, token_count = replaced_count + len(positions), token_count + len(own_tokens)
    facts = {
        "queries switched": by_language(changed_labels),
        "tokens replaced": f"{replaced_count} of {token_count}",
        "queries without a translation in the pivot": without_pivot,
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
    parts: list[str] = []
    length = 0
    latin = False
    for character in text.lstrip():
        is_latin = character.isascii() and not character.isspace()
        starts = not parts or parts[-1][-1].isspace() or is_latin != latin or (not latin and length == _SPAN)
        if character.isspace() or unicodedata.category(character).startswith("M"):
            # Marks belong to the letter before them.
            starts = not parts
        else:
            length = 1 if starts else length + 1
            latin = is_latin
        if starts:
            parts.append(character)
        else:
            parts[-1] += character
    return parts


def _chosen(count: int, share: float, how: str, query: str, seed: int) -> set[int]:
    replaced = share_of(count, share)
    if how == "halves":
        return set(range(count - replaced, count))
    return set(sorted(range(count), key=lambda position: number_of(f"{query}\x1f{position}", seed, "token"))[:replaced])


def _mixed(own: list[str], other: list[str], chosen: set[int]) -> str:
    """The tokens `own`, with those at `chosen` replaced by the `other` tokens at the same part of the query."""
    text = ""
    used: set[int] = set()
    for position, token in enumerate(own):
        if position not in chosen:
            text += token
            continue
        start = position * len(other) // len(own)
        stop = max((position + 1) * len(other) // len(own), start + 1)
        other_positions = [other_position for other_position in range(start, stop) if other_position not in used]
        used.update(other_positions)
        text += " " + "".join(f"{other[other_position].strip()} " for other_position in other_positions)
    return " ".join(text.split())
