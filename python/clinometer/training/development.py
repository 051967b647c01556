"""The part of parallel texts that training does not see, as a collection to evaluate on.

The split and the checks are those of the training samples: with the same files, languages, pivot, share and split
seed, no item of the collection is in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clinometer.collection import Collection, CollectionBuilder
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.training.checks import same_text
from clinometer.training.items import ParallelItem, read_items
from clinometer.training.split import Split, digest, split_items

__all__ = ["development_collection"]


def development_collection(
    items_or_files: str | Path | Sequence[str | Path] | Sequence[ParallelItem],
    languages: Iterable[str],
    *,
    split: Split = "dev",
    dev_share: float = 0.1,
    split_seed: int = 0,
    pivot: str = "en",
    samples: int | None = None,
    seed: int = 0,
    name: str = "development",
) -> Collection:
    """Parallel texts that are kept for development, as a collection in the pivot and the target languages.

    Documents are the passages in every language, queries the queries in every language that has one, groups the ids of
    the items; all passages of an item are relevant (grade 1) to all its queries.

    In addition to what `samples_from_items` leaves out, the following are left out and counted in the notes: items
    without any target language, and items with a query that repeats one of an earlier item, as it would have unjudged
    relevant documents.

    Args:
        items_or_files: Files of parallel JSONL, packed by suffix, or items of `read_items`.
        languages: Target languages: the same as in training, since repeated texts are detected in these.
        split: `dev`; or `train`, to see how far the two are apart; or `all`.
        dev_share: Share of the pages kept for development: the same as in training.
        split_seed: Seed of the split: the same as in training.
        pivot: Language that the others are paired with.
        samples: Maximum number of items, which also limits the pool; a smaller number is always a subset of a larger
            one. None for all.
        seed: Seed of the choice of items.
        name: Name of the collection.

    Returns:
        The collection; ids look like `de:ID`.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, or repeats an id.
        LanguageError: No item, or none that is left, has one of the languages.
        UsageError: An option cannot be used, or nothing is left.

    Example:
        >>> texts = {"en": ("Who sleeps?", "A cat sleeps here."), "de": ("Wer schläft?", "Hier schläft eine Katze.")}
        >>> collection = development_collection([ParallelItem("pets#1", texts)], ["de"], split="all")
        >>> collection.documents.ids, collection.queries.languages, collection.indptr.tolist()
        (('en:pets#1', 'de:pets#1'), ('en', 'de'), [0, 2, 4])
    """
    if samples is not None and samples < 1:
        raise UsageError(f"samples is {samples}, but must be 1 or more")
    if isinstance(languages, str):
        languages = [languages]
    pivot, items = canonical(pivot), _items(items_or_files)
    labels = list(dict.fromkeys([pivot, *map(canonical, languages)]))
    split_side, notes = split_items(items, labels, split, dev_share, pivot=pivot, split_seed=split_seed)
    translated = [item for item in split_side if len(item.texts) > 1 or len(labels) == 1]
    chosen = _without_shared_queries(translated)
    notes["without_target"] = len(split_side) - len(translated)
    notes["shared_queries_left_out"] = len(translated) - len(chosen)
    if not chosen:
        raise UsageError(
            f"no item in {', '.join(labels)} is left in the split {split!r} of {len(items)} items; "
            "give more items or a larger dev_share"
        )
    if samples is not None:
        chosen_ids = {item.id for item in sorted(chosen, key=lambda item: digest(seed, item.id))[:samples]}
        chosen = [item for item in chosen if item.id in chosen_ids]
    return _built(chosen, labels, name, {"split": split, "dev_share": dev_share, "split_seed": split_seed} | notes)


def _items(items_or_files: str | Path | Sequence[str | Path] | Sequence[ParallelItem]) -> list[ParallelItem]:
    if isinstance(items_or_files, (str, Path)):
        return read_items(items_or_files)
    items = [item for item in items_or_files if isinstance(item, ParallelItem)]
    if not items:
        return read_items([path for path in items_or_files if not isinstance(path, ParallelItem)])
    if len(items) < len(items_or_files):
        raise UsageError("items and files are mixed; give a list of items or a list of files")
    return items


def _without_shared_queries(items: Sequence[ParallelItem]) -> list[ParallelItem]:
    """The items without a query that an earlier item has in the same language."""
    seen: set[tuple[str, str]] = set()
    unique_items = []
    for item in items:
        queries = {(label, same_text(query)) for label, (query, _) in item.texts.items() if query is not None}
        if not queries & seen:
            unique_items.append(item)
            seen |= queries
    return unique_items


def _built(items: Sequence[ParallelItem], labels: Sequence[str], name: str, notes: dict[str, Any]) -> Collection:
    available = {label for item in items for label in item.texts}
    if missing := [label for label in labels if label not in available]:
        raise LanguageError(
            f"none of the {len(items)} items of {name!r} is in {', '.join(missing)}; give more items, or leave "
            "the language out"
        )
    builder = CollectionBuilder(name)
    builder.notes = {**notes, "items": len(items)}
    for item in items:
        item_labels = [label for label in labels if label in item.texts]
        for label in item_labels:
            builder.add_document(f"{label}:{item.id}", item.texts[label][1], label, item.id)
        for label in item_labels:
            query = item.texts[label][0]
            if query is None:
                continue
            builder.add_query(f"{label}:{item.id}", query, label, item.id)
            for other in item_labels:
                builder.judge(f"{label}:{item.id}", f"{other}:{item.id}")
    return builder.build()
