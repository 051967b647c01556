"""Untranslated documents: pages of a language that hold the text of another, as content systems leave them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.pools.draws import check_share, first, sentences, share_of
from clinometer.pools.rebuilt import by_language, noted

__all__ = ["untranslated"]

How = Literal["labelled", "relabelled", "half"]


def untranslated(
    collection: Collection, share: float, *, how: How = "labelled", pivot: str = "en", seed: int = 0
) -> Collection:
    """Give a share of each language's documents the text of their translation in the pivot. [our definition]

    Args:
        collection: Any. Documents without a translation in the pivot stay as they are.
        share: Of the documents of each language other than the pivot that have a translation there, 0 to 1, drawn for
            each language by itself. More is always a superset of less.
        how: `labelled`: the text is the pivot's, the label stays: a localized page that was never translated, under
            its localized address. `relabelled`: the label becomes the pivot's too, as language identification would
            have it; the pool has a second copy then, and the language lacks the page. `half`: the second half of the
            sentences is the pivot's: a page that was translated in part.
        pivot: The language that content is written in first.
        seed: Of the draw.

    Returns:
        The collection, described in its notes. Ids, groups and judgements stay: the page still answers.

    Raises:
        LanguageError: The collection has no documents in the pivot.
        UsageError: The share is none, or `how` is unknown.

    Example:
        >>> import clinometer as cm
        >>> collection = cm.pools.untranslated(cm.load("demo", languages=["en", "de"]), 0.2)
        >>> texts = collection.documents
        >>> english = {text for text, label in zip(texts.texts, texts.languages) if label == "en"}
        >>> sum(text in english for text, label in zip(texts.texts, texts.languages) if label == "de")
        15
    """
    check_share("the share of untranslated documents", share)
    if how not in get_args(How):
        raise UsageError(f"how is {how!r}, but must be one of {', '.join(get_args(How))}")
    pivot = canonical(pivot)
    texts = collection.documents
    if pivot not in texts.languages:
        raise LanguageError(f"the collection has no documents in the pivot {pivot!r}, whose texts were to be taken")
    step = f"untranslated({share:g}, how={how}, pivot={pivot}, seed={seed})"
    source: dict[str, str] = {}
    for group, label, text in zip(texts.groups, texts.languages, texts.texts, strict=True):
        if label == pivot and group is not None:
            source.setdefault(group, text)
    new_texts, new_labels, changed = list(texts.texts), list(texts.languages), []
    without = 0
    for label in dict.fromkeys(texts.languages):
        if label == pivot:
            continue
        rows = texts.rows_in([label]).tolist()
        held = [row for row in rows if texts.groups[row] in source]
        without += len(rows) - len(held)
        drawn = first((texts.ids[row] for row in held), share_of(len(held), share), seed, "untranslated")
        for row in held:
            if texts.ids[row] in drawn:
                original = source[texts.groups[row] or ""]
                new_texts[row] = _half(texts.texts[row], label, original, pivot) if how == "half" else original
                new_labels[row] = pivot if how == "relabelled" else label
                changed.append(label)
    facts = {
        "documents untranslated": by_language(changed),
        "what became of them": {
            "labelled": f"text in {pivot}, label kept",
            "relabelled": f"text and label {pivot}, a second copy",
            "half": f"second half in {pivot}, label kept",
        }[how],
        "documents without a text in the pivot": without,
    }
    documents = replace(texts, texts=tuple(new_texts), languages=tuple(new_labels))
    return noted(replace(collection, documents=documents), step, facts)


def _half(text: str, language: str, original: str, pivot: str) -> str:
    """The first half of the one's sentences, and the second half of the other's."""
    own, other = sentences(text, language), sentences(original, pivot)
    return "".join(own[: (len(own) + 1) // 2]).rstrip() + " " + "".join(other[len(other) // 2 :]).rstrip()
