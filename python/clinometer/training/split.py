"""The split of parallel items into training and development: cleaned, by whole pages, without shared queries.

A page stays on its side for all files, languages and seeds, so that no evaluation uses texts trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Literal

from clinometer.errors import UsageError
from clinometer.languages import canonical, select
from clinometer.training.checks import same_text, untranslated
from clinometer.training.items import ParallelItem

__all__ = ["Split", "check_split", "digest", "split_items"]

Split = Literal["train", "dev", "all"]


def split_items(
    items: Sequence[ParallelItem],
    languages: Iterable[str],
    split: Split = "train",
    dev_share: float = 0.1,
    *,
    pivot: str = "en",
    split_seed: int = 0,
) -> tuple[list[ParallelItem], dict[str, Any]]:
    """The items of one side of the split, with the texts that can be used, for training and evaluation alike.

    Texts in the pivot are kept as well, and items without it are left out. Arguments as for `samples_from_items`.

    Returns:
        The items in their order, and the numbers of items and texts left out, by reason; see `samples_from_items`.

    Raises:
        LanguageError: No item has one of the languages.
        UsageError: An option cannot be used.

    Example:
        >>> pages = [ParallelItem(f"page{n}#1", {"en": (f"Ask {n}?", f"Answer {n}.")}) for n in range(9)]
        >>> sides = [split_items(pages, ["en"], side, 0.5)[0] for side in ("train", "dev")]
        >>> sum(map(len, sides)), {item.page for item in sides[0]} & {item.page for item in sides[1]}
        (9, set())
    """
    pivot = canonical(pivot)
    targets = check_split(items, languages, pivot, split, dev_share)
    clean_items, statistics = _clean(items, pivot, targets)
    if split == "all":
        return clean_items, statistics
    train_items: list[ParallelItem] = []
    dev_items: list[ParallelItem] = []
    for item in clean_items:
        is_dev = int(digest(split_seed, "split", item.page)[:15], 16) < dev_share * 16**15
        (dev_items if is_dev else train_items).append(item)
    if split == "train":
        return train_items, statistics
    train_queries = {same_text(item.texts[pivot][0] or "") for item in train_items}
    unseen_items = [item for item in dev_items if same_text(item.texts[pivot][0] or "") not in train_queries]
    return unseen_items, statistics | {"dev_left_out_query_in_train": len(dev_items) - len(unseen_items)}


def check_split(
    items: Sequence[ParallelItem], languages: Iterable[str], pivot: str, split: str, dev_share: float
) -> list[str]:
    """The target languages in canonical form, each once.

    Raises:
        LanguageError: No item has one of the languages or the pivot.
        UsageError: The split is unknown, or the share out of range.
    """
    if split not in ("train", "dev", "all"):
        raise UsageError(f"unknown split {split!r}; expected train, dev or all")
    if not 0 <= dev_share < 1:
        raise UsageError(f"dev_share is {dev_share}, but must be 0 or more and less than 1")
    if isinstance(languages, str):
        languages = [languages]
    available = list(dict.fromkeys(label for item in items for label in item.texts))
    targets = select(languages, available, "the parallel data")
    if pivot not in available:
        select([pivot], available, "the parallel data")
    return targets


def digest(*parts: object) -> str:
    """Hexadecimal digest of the parts, the same on every machine."""
    return sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def _clean(
    items: Sequence[ParallelItem], pivot: str, targets: Sequence[str]
) -> tuple[list[ParallelItem], dict[str, Any]]:
    """The items with the texts that can be used, and the numbers of the others."""
    passages_of: dict[str, set[str]] = {language: set() for language in (pivot, *targets)}
    without_pivot = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("empty", "duplicates", "untranslated")}
    clean_items = []
    for item in items:
        if pivot not in item.texts:
            without_pivot += 1
            continue
        pivot_passage = item.texts[pivot][1]
        texts: dict[str, tuple[str | None, str]] = {}
        for language in dict.fromkeys((pivot, *targets)):
            if language not in item.texts:
                continue
            query, passage = item.texts[language]
            if not passage.strip() or (query is not None and not query.strip()):
                counts["empty"][language] += 1
            elif language != pivot and untranslated(passage, pivot_passage):
                counts["untranslated"][language] += 1
            elif same_text(passage) in passages_of[language]:
                counts["duplicates"][language] += 1
            else:
                passages_of[language].add(same_text(passage))
                texts[language] = (query, passage)
            if pivot not in texts:
                break
        if pivot in texts:
            clean_items.append(ParallelItem(item.id, texts))
    sorted_counts = {name: dict(sorted(counter.items())) for name, counter in counts.items()}
    return clean_items, {"without_pivot": without_pivot, **sorted_counts}
