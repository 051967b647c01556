"""Untranslated documents: pages of a language with the text of another, as content systems leave them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from clinometer.collection import Collection
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked
from clinometer.pools.draws import check_share, first, sentences, share_of
from clinometer.pools.rebuilt import by_language, noted
from clinometer.suggestions import one_of

__all__ = ["untranslated"]

How = Literal["labelled", "relabelled", "half"]


@checked
def untranslated(
    collection: Collection, share: float, *, how: How = "labelled", pivot: str = "en", seed: int = 0
) -> Collection:
    """Give a share of each language's documents the text of their translation in the pivot. [our definition]

    Args:
        collection: Any collection. Documents without a translation in the pivot are not changed.
        share: Share of the documents of each other language that have a translation in the pivot, 0 to 1, drawn
            separately for each language. A larger share is always a superset of a smaller one.
        how: `labelled`: the text is the pivot's, the label is kept: a localized page that was never translated, at
            its localized URL. `relabelled`: the label becomes the pivot's too, as by language identification; the pool
            then has a second copy, and the language lacks the page. `half`: the second half of the sentences is the
            pivot's: a page that was translated in part.
        pivot: The language that content is written in first.
        seed: Seed of the draw.

    Returns:
        The collection, described in its notes. Ids, groups and judgements are kept: the page is still relevant.

    Raises:
        LanguageError: The collection has no documents in the pivot.
        UsageError: The share is out of range, or `how` is unknown.

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
        raise UsageError(f"how is {how!r}, but must be {one_of(how, get_args(How))}")
    pivot = canonical(pivot)
    texts = collection.documents
    if pivot not in texts.languages:
        raise LanguageError(f"the collection has no documents in the pivot {pivot!r}, so there are no texts to copy")
    step = f"untranslated({share:g}, how={how}, pivot={pivot}, seed={seed})"
    source: dict[str, str] = {}
    for group, label, text in zip(texts.groups, texts.languages, texts.texts, strict=True):
        if label == pivot and group is not None:
            source.setdefault(group, text)
    new_texts, new_labels, changed_labels = list(texts.texts), list(texts.languages), []
    without_pivot = 0
    for label in dict.fromkeys(texts.languages):
        if label == pivot:
            continue
        rows = texts.rows_in([label]).tolist()
        translated_rows = [row for row in rows if texts.groups[row] in source]
        without_pivot += len(rows) - len(translated_rows)
        drawn_ids = first(
            (texts.ids[row] for row in translated_rows), share_of(len(translated_rows), share), seed, "untranslated"
        )
        for row in translated_rows:
            if texts.ids[row] in drawn_ids:
                original = source[texts.groups[row] or ""]
                new_texts[row] = _half(texts.texts[row], label, original, pivot) if how == "half" else original
                new_labels[row] = pivot if how == "relabelled" else label
                changed_labels.append(label)
    facts = {
        "documents untranslated": by_language(changed_labels),
        "what became of them": {
            "labelled": f"text in {pivot}, label kept",
            "relabelled": f"text and label {pivot}, a second copy",
            "half": f"second half in {pivot}, label kept",
        }[how],
        "documents without a text in the pivot": without_pivot,
    }
    documents = replace(texts, texts=tuple(new_texts), languages=tuple(new_labels))
    return noted(replace(collection, documents=documents), step, facts)


def _half(text: str, language: str, original: str, pivot: str) -> str:
    """The first half of the sentences of `text`, and the second half of those of `original`."""
    own_sentences, pivot_sentences = sentences(text, language), sentences(original, pivot)
    return (
        "".join(own_sentences[: (len(own_sentences) + 1) // 2]).rstrip()
        + " "
        + "".join(pivot_sentences[len(pivot_sentences) // 2 :]).rstrip()
    )
