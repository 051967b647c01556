"""A sample of the questions of a collection, each in all its languages, against the pool of all documents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clinometer.collection import Collection
from clinometer.errors import UsageError
from clinometer.statistics.resampling import question_rows

__all__ = ["with_questions"]


def with_questions(collection: Collection, sample: int | None, seed: int = 0) -> Collection:
    """The collection with a sample of its questions; the documents stay, so that values estimate those of the whole.

    A question is one query with its translations (queries of one group). Questions without a relevant document are left
    out. A smaller sample is always a subset of a larger one.

    Args:
        collection: Any collection.
        sample: Maximum number of questions, 1 or more; None for all.
        seed: Seed of the sample.

    Raises:
        UsageError: `sample` is less than 1.

    Example:
        >>> import clinometer as cm
        >>> smaller = with_questions(cm.load("demo", languages=["en", "de"]), 20)
        >>> len(smaller.documents), len(smaller.queries), smaller.notes["questions_sampled"]
        (150, 40, 20)
    """
    if sample is None:
        return collection
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < 1:
        raise UsageError(f"sample is {sample!r}, but must be a whole number of 1 or more, or None for all questions")
    queries = collection.queries
    questions = question_rows(queries.groups, queries.languages, queries.ids)
    answered = np.unique(questions[np.diff(collection.relevant()[0]) > 0])
    if sample >= len(answered):
        return collection
    order = np.random.default_rng(seed).permutation(int(questions.max()) + 1)
    chosen = order[np.isin(order, answered)][:sample]
    rows = np.flatnonzero(np.isin(questions, chosen))
    spans = [slice(collection.indptr[row], collection.indptr[row + 1]) for row in rows]
    lengths = np.diff(collection.indptr)[rows]
    return replace(
        collection,
        queries=queries.take(rows),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        judged=np.concatenate([collection.judged[span] for span in spans]),
        grades=np.concatenate([collection.grades[span] for span in spans]),
        notes={**collection.notes, "questions_sampled": sample, "questions_seed": seed},
    )
