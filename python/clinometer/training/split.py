"""The split of parallel items into training and development: cleaned, by whole pages, without shared queries.

A page stays on its side whatever files, languages and seeds are chosen, so that what was trained on is never evaluated.
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
    """The items of one side of the split, with the texts that can be used; what training and evaluation share.

    Args:
        items: What `read_items` gives.
        languages: Target languages; the pivot is kept as well.
        split: `train`, `dev`, or `all`.
        dev_share: Share of the pages kept for `dev`, 0 up to 1.
        pivot: An item without it is left out.
        split_seed: Another number is another split.

    Returns:
        The items in their order, and how many items and texts were left out and why; see `samples_from_items`.

    Raises:
        LanguageError: A language is in no item.
        UsageError: An option cannot be used.

    Example:
        >>> pages = [ParallelItem(f"page{n}#1", {"en": (f"Ask {n}?", f"Answer {n}.")}) for n in range(9)]
        >>> sides = [split_items(pages, ["en"], side, 0.5)[0] for side in ("train", "dev")]
        >>> sum(map(len, sides)), {item.page for item in sides[0]} & {item.page for item in sides[1]}
        (9, set())
    """
    pivot = canonical(pivot)
    wanted = check_split(items, languages, pivot, split, dev_share)
    statistics: dict[str, Any] = {}
    kept = _clean(items, pivot, wanted, statistics)
    return _split(kept, split, dev_share, split_seed, pivot, statistics), statistics


def check_split(
    items: Sequence[ParallelItem], languages: Iterable[str], pivot: str, split: str, dev_share: float
) -> list[str]:
    """The target languages in canonical form, each once.

    Raises:
        LanguageError: A language or the pivot is in no item.
        UsageError: There is no such split or share.
    """
    if split not in ("train", "dev", "all"):
        raise UsageError(f"there is no split {split!r}; choose train, dev or all")
    if not 0 <= dev_share < 1:
        raise UsageError(f"dev_share is {dev_share}, but must be 0 or more and less than 1")
    if isinstance(languages, str):
        languages = [languages]
    found = list(dict.fromkeys(label for item in items for label in item.texts))
    wanted = select(languages, found, "the parallel data")
    if pivot not in found:
        select([pivot], found, "the parallel data")
    return wanted


def digest(*parts: object) -> str:
    """Hexadecimal digits that stand for the parts, the same everywhere."""
    return sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def _clean(
    items: Sequence[ParallelItem], pivot: str, wanted: Sequence[str], statistics: dict[str, Any]
) -> list[ParallelItem]:
    """The items with the texts that can be used; counts the others."""
    seen: dict[str, set[str]] = {language: set() for language in (pivot, *wanted)}
    without_pivot = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("empty", "duplicates", "untranslated")}
    kept = []
    for item in items:
        if pivot not in item.texts:
            without_pivot += 1
            continue
        english = item.texts[pivot][1]
        texts: dict[str, tuple[str | None, str]] = {}
        for language in dict.fromkeys((pivot, *wanted)):
            if language not in item.texts:
                continue
            query, passage = item.texts[language]
            fault = None
            if not passage.strip() or (query is not None and not query.strip()):
                fault = "empty"
            elif language != pivot and untranslated(passage, english):
                fault = "untranslated"
            elif same_text(passage) in seen[language]:
                fault = "duplicates"
            if fault is not None:
                counts[fault][language] += 1
                if language == pivot:
                    break
                continue
            seen[language].add(same_text(passage))
            texts[language] = (query, passage)
        if pivot in texts:
            kept.append(ParallelItem(item.id, texts))
    statistics["without_pivot"] = without_pivot
    for name, counter in counts.items():
        statistics[name] = dict(sorted(counter.items()))
    return kept


def _split(
    items: list[ParallelItem], split: str, dev_share: float, split_seed: int, pivot: str, statistics: dict[str, Any]
) -> list[ParallelItem]:
    if split == "all":
        return items
    dev = [int(digest(split_seed, "split", item.page)[:15], 16) < dev_share * 16**15 for item in items]
    train_queries = {same_text(item.texts[pivot][0] or "") for item, out in zip(items, dev, strict=True) if not out}
    if split == "train":
        return [item for item, out in zip(items, dev, strict=True) if not out]
    chosen = [item for item, out in zip(items, dev, strict=True) if out]
    clean = [item for item in chosen if same_text(item.texts[pivot][0] or "") not in train_queries]
    statistics["dev_left_out_query_in_train"] = len(chosen) - len(clean)
    return clean
