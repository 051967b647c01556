"""Parallel texts as training samples: read, checked, split without leaks, and put into the column order of a loss.

Samples are plain tuples until the very end; `statistics` counts what is left out, by reason. The same files and options
give the same samples, and a smaller number of samples is always a subset of a larger one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clinometer.errors import MissingExtraError, UsageError
from clinometer.languages import canonical
from clinometer.suggestions import one_of
from clinometer.training.checks import check_rows, same_text
from clinometer.training.items import ParallelItem, counted_items, read_items
from clinometer.training.split import Split, check_split, digest, split_items

__all__ = [
    "LAYOUTS",
    "Layout",
    "ParallelItem",
    "ParallelSamples",
    "Split",
    "parallel_dataset",
    "parallel_samples",
    "prompts_for",
    "read_items",
    "samples_from_items",
]

Layout = Literal["alignment", "alignment+query", "clear", "pairs", "cross-pairs"]

# Columns by the loss that takes them: kind of text, and whether it is in the pivot language.
_QUERY_EN, _PASSAGE_EN = ("query", True), ("passage", True)
_QUERY_TGT, _PASSAGE_TGT = ("query", False), ("passage", False)
LAYOUTS: dict[str, tuple[tuple[str, bool], ...]] = {
    "alignment": (_QUERY_EN, _PASSAGE_EN, _PASSAGE_TGT),
    "alignment+query": (_QUERY_EN, _PASSAGE_EN, _PASSAGE_TGT, _QUERY_TGT),
    "clear": (_QUERY_EN, _PASSAGE_EN, _QUERY_TGT),
    "pairs": (_QUERY_TGT, _PASSAGE_TGT),
    "cross-pairs": (_QUERY_EN, _PASSAGE_TGT),
}


@dataclass(frozen=True)
class ParallelSamples:
    """Training samples, row by row.

    Args:
        columns: Names of the columns in the order that a loss takes them.
        rows: One text for each column.
        groups: Number of each row's item: rows with equal numbers are translations of each other.
        languages: Target language of each row.
        ids: Id of each row's item.
        statistics: Counts of what was read, kept and left out, by reason, and `warnings` about texts that look odd.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    groups: tuple[int, ...]
    languages: tuple[str, ...]
    ids: tuple[str, ...]
    statistics: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dataset(self, languages: Sequence[str] | None = None) -> Any:
        """A `datasets.Dataset`: the columns in order, then the integer column `label` with the groups.

        With `languages`, each label is two numbers: the group, and the position in `languages` of the row's language,
        which a relational loss with a corrected teacher reads.

        A trainer passes `label` on to the loss and never reads it as text. The statistics are in
        `dataset.info.description`, as JSON.

        Raises:
            MissingExtraError: The extra `train` is not installed.
            UsageError: A row's language is not among `languages`.
        """
        try:
            from datasets import Dataset
        except ImportError:
            raise MissingExtraError("a datasets.Dataset", "train") from None
        texts = {name: [row[column] for row in self.rows] for column, name in enumerate(self.columns)}
        labels: list[Any] = list(self.groups)
        if languages is not None:
            if unknown := sorted(set(self.languages) - set(languages)):
                raise UsageError(f"the samples are also in {', '.join(unknown)}; add them to languages")
            place = {language: number for number, language in enumerate(languages)}
            labels = [[group, place[own]] for group, own in zip(self.groups, self.languages, strict=True)]
        dataset = Dataset.from_dict({**texts, "label": labels})
        dataset.info.description = json.dumps(self.statistics, ensure_ascii=False)
        return dataset


def parallel_dataset(
    files: str | Path | Sequence[str | Path],
    languages: Iterable[str],
    samples: int | None = 2800,
    seed: int = 42,
    split: Split = "train",
    dev_share: float = 0.1,
    **options: Any,
) -> Any:
    """Parallel JSONL as a `datasets.Dataset` for a `SentenceTransformerTrainer`; see `parallel_samples`.

    Raises:
        MissingExtraError: The extra `train` is not installed.
    """
    return parallel_samples(files, languages, samples, seed, split, dev_share, **options).to_dataset()


def parallel_samples(
    files: str | Path | Sequence[str | Path],
    languages: Iterable[str],
    samples: int | None = 2800,
    seed: int = 42,
    split: Split = "train",
    dev_share: float = 0.1,
    **options: Any,
) -> ParallelSamples:
    """Training samples from parallel JSONL, `{"id": ..., "texts": {"en": {"query": ..., "document": ...}, ...}}`.

    Args:
        files: One file or several, packed by suffix; ids are unique over all of them.
        languages: Target languages. An item gives one sample for each of them that it has.
        samples: Maximum number of samples per target language; None for all.
        seed: Seed of the choice of samples and of their order; the split does not depend on it.
        split: `train`, `dev`, or `all`.
        dev_share: Share of the pages (the part of an id before `#`) that is kept for `dev`, by a hash of their names:
            a page stays on its side for all files, languages and seeds.
        **options: `layout`, `pivot`, `split_seed`; see `samples_from_items`.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, or repeats an id.
        LanguageError: No row has one of the languages.
        UsageError: An option cannot be used, or nothing is left.
    """
    items, repeated = counted_items(files)
    chosen = samples_from_items(items, languages, samples, seed, split, dev_share, **options)
    if repeated:
        chosen.statistics["rows_repeated_left_out"] = repeated
    return chosen


def samples_from_items(
    items: Sequence[ParallelItem],
    languages: Iterable[str],
    samples: int | None = 2800,
    seed: int = 42,
    split: Split = "train",
    dev_share: float = 0.1,
    *,
    layout: Layout = "alignment",
    pivot: str = "en",
    split_seed: int = 0,
) -> ParallelSamples:
    """Training samples from items, in the column order of a loss.

    Left out and counted in `statistics`: items without the pivot language; empty texts; passages that repeat an earlier
    one of their language; translations that are the pivot's text; development items whose pivot query also occurs in
    training. Items that share a query are kept and counted: `BatchSamplers.NO_DUPLICATES` keeps them apart.

    Args:
        items: Items of `read_items`.
        languages: Target languages; for the layout `pairs` the pivot may be among them.
        samples: Maximum number of samples per target language; None for all.
        seed: Seed of the choice of samples and of their order.
        split: `train`, `dev`, or `all`.
        dev_share: Share of the pages kept for `dev`, 0 up to 1.
        layout: Columns: `alignment` (query_en, passage_en, passage_tgt), `alignment+query` (the same, then query_tgt),
            `clear` (query_en, passage_en, query_tgt), `pairs` (query, passage, both in the target language),
            `cross-pairs` (query_en, passage_tgt). With another pivot its label replaces `en`.
        pivot: Language of the pivot columns.
        split_seed: Seed of the split.

    Raises:
        LanguageError: No item has one of the languages.
        UsageError: An option cannot be used, or nothing is left.

    Example:
        >>> texts = {"en": ("Who sleeps?", "A cat sleeps here."), "de": ("Wer schläft?", "Hier schläft eine Katze.")}
        >>> samples = samples_from_items([ParallelItem("pets#1", texts)], ["de"], dev_share=0)
        >>> samples.columns, samples.rows[0][2]
        (('query_en', 'passage_en', 'passage_tgt'), 'Hier schläft eine Katze.')
    """
    pivot = canonical(pivot)
    if layout not in LAYOUTS:
        raise UsageError(f"unknown layout {layout!r}; expected {one_of(layout, LAYOUTS)}")
    if samples is not None and samples < 1:
        raise UsageError(f"samples is {samples}, but must be 1 or more")
    targets = check_split(items, languages, pivot, split, dev_share)
    if pivot in targets and layout != "pairs":
        raise UsageError(f"{pivot} is the pivot and cannot be a target language; remove it from languages")
    statistics: dict[str, Any] = {"layout": layout, "pivot": pivot, "split": split, "seed": seed}
    split_side, left_out = split_items(items, targets, split, dev_share, pivot=pivot, split_seed=split_seed)
    statistics |= {"items_read": len(items), **left_out}
    rows: list[tuple[str, str, ParallelItem]] = []
    warnings = []
    available: dict[str, int] = {}
    for language in targets:
        usable = [item for item in split_side if language in item.texts]
        if _QUERY_TGT in LAYOUTS[layout]:
            usable = [item for item in usable if item.texts[language][0] is not None]
        usable.sort(key=lambda item: digest(seed, item.id))
        available[language] = len(usable)
        if samples is not None and len(usable) < samples:
            warnings.append(f"{language} has {len(usable)} of {samples} samples")
        rows += [(digest(seed, item.id, language), language, item) for item in usable[:samples]]
    if not rows:
        raise UsageError(
            f"no samples are left for {', '.join(targets)} in the split {split!r}: {json.dumps(statistics)}"
        )
    rows.sort(key=lambda row: row[0])
    number_of: dict[str, int] = {}
    groups = tuple(number_of.setdefault(item.id, len(number_of)) for _, _, item in rows)
    texts = tuple(_columns(item, language, layout, pivot) for _, language, item in rows)
    row_languages = tuple(language for _, language, _ in rows)
    columns = _names(layout, pivot)
    warnings += check_rows(columns, texts, pivot)
    query_of_item = {item.id: same_text(item.texts[pivot][0] or "") for _, _, item in rows}
    query_counts = Counter(query_of_item.values())
    statistics |= {
        "available": available,
        "samples": dict(sorted(Counter(row_languages).items())),
        "groups": len(number_of),
        "pages": len({item.page for _, _, item in rows}),
        "queries_shared_by_items": sum(count for count in query_counts.values() if count > 1),
        "mean_characters": {
            name: round(sum(len(row[column]) for row in texts) / len(texts), 1) for column, name in enumerate(columns)
        },
        "warnings": warnings,
    }
    ids = tuple(item.id for _, _, item in rows)
    return ParallelSamples(columns, texts, groups, row_languages, ids, statistics)


def prompts_for(columns: Iterable[str], query_prompt: str, passage_prompt: str) -> dict[str, str]:
    """`args.prompts` for a trainer: the prompt of each column by its name.

    Example:
        >>> prompts_for(["query_en", "passage_tgt", "negative_1", "neg_query_1"], "query: ", "passage: ")
        {'query_en': 'query: ', 'passage_tgt': 'passage: ', 'negative_1': 'passage: ', 'neg_query_1': 'query: '}
    """
    prompts = {}
    for name in columns:
        if name == "label":
            continue
        if name.startswith(("query", "neg_query")):
            prompts[name] = query_prompt
        elif name.startswith(("passage", "negative")):
            prompts[name] = passage_prompt
        else:
            raise UsageError(
                f"the column {name!r} is neither a query nor a passage by its name; set its prompt yourself"
            )
    return prompts


def _names(layout: str, pivot: str) -> tuple[str, ...]:
    if layout == "pairs":
        return ("query", "passage")
    return tuple(f"{kind}_{pivot if english else 'tgt'}" for kind, english in LAYOUTS[layout])


def _columns(item: ParallelItem, language: str, layout: str, pivot: str) -> tuple[str, ...]:
    texts = []
    for kind, english in LAYOUTS[layout]:
        query, passage = item.texts[pivot if english else language]
        text = query if kind == "query" else passage
        if text is None:
            raise UsageError(f"the item {item.id!r} has no query in {pivot if english else language}; add one")
        texts.append(text)
    return tuple(texts)
