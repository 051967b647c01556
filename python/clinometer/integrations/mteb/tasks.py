"""Mixed pools as tasks of mteb: one subset for each setting, from a collection that clinometer reads.

mteb measures them with its own code; its nDCG equals ours if the prompts are the same (`models`), and what it lacks
(`MaxR`, intrusion) is left to `evaluate`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from clinometer.collection import Collection
from clinometer.encoders.families import WEB_SEARCH
from clinometer.errors import MissingExtraError, UsageError
from clinometer.integrations.mteb.results import subset_name
from clinometer.io import load
from clinometer.languages import canonical, long_label
from clinometer.scenarios import Setting, settings_of

try:
    import mteb  # noqa: F401 - for the error message
except ImportError:
    raise MissingExtraError("clinometer.integrations.mteb.tasks", "mteb") from None
from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from clinometer.integrations.mteb.models import prompt_notice

__all__ = ["belebele_task", "mixed_pool_task", "xquad_task"]

_SCENARIOS = ("mono-same", "mono-cross", "multi")
_SPLIT = "test"


def mixed_pool_task(
    collection: Collection,
    *,
    name: str,
    scenarios: Iterable[str] = ("multi",),
    pivot: str = "en",
    pairs: str = "pivot",
    description: str = "",
    **metadata: Any,
) -> AbsTaskRetrieval:
    """A task of mteb whose subsets are settings, such as `en+de:de`: German questions to an English and German pool.

    Args:
        collection: Documents, queries and judgements. mteb encodes texts again in each subset that they are in;
            `clinometer.evaluate` encodes them once.
        name: Name of the task.
        scenarios: Any of `mono-same`, `mono-cross`, `multi` and `multilingual`. One-sided pools differ from query to
            query, which a task of mteb cannot express.
        pivot: The language that is paired with every other.
        pairs: `pivot` or `all`.
        description: Description of the task; built from the collection if empty.
        **metadata: Further fields of `TaskMetadata`.

    Returns:
        A task with its data, for `mteb.evaluate(model, task)`. Instruction models get the instruction of their cards.
        A warning says where mteb's prompts for a model differ from clinometer's.

    Raises:
        UsageError: A scenario cannot be a task, or no setting has queries with relevant documents.
        LanguageError: A language has no ISO 639-3 code and script.

    Example:
        >>> import clinometer as cm
        >>> task = mixed_pool_task(cm.load("demo", languages=["en", "de"]), name="DemoMixedPool")  # doctest: +SKIP
        >>> task.hf_subsets  # doctest: +SKIP
        ['en+de:en', 'en+de:de']
    """
    scenarios = list(scenarios)
    collection.require_texts("a task of mteb")
    if unsupported := [scenario for scenario in scenarios if scenario not in (*_SCENARIOS, "multilingual")]:
        raise UsageError(
            f"{', '.join(unsupported)} cannot be a task of mteb; choose from {', '.join(_SCENARIOS)} and multilingual"
        )
    settings = {
        subset_name(setting.scenario, list(setting.pool), setting.query_language): setting
        for setting in settings_of(scenarios, collection.languages, canonical(pivot), pairs)
    }
    judged = {subset: _relevant(collection, setting) for subset, setting in settings.items()}
    settings = {subset: setting for subset, setting in settings.items() if judged[subset]}
    if not settings:
        raise UsageError(f"no query of {collection.name!r} has a relevant document in the pools of these scenarios")
    languages = {
        subset: [long_label(label) for label in dict.fromkeys((setting.query_language, *setting.pool))]
        for subset, setting in settings.items()
    }
    fields: dict[str, Any] = {
        "name": name,
        "description": description or f"{collection.name} with documents of several languages in one pool.",
        "dataset": {"path": f"clinometer/{collection.name}", "revision": collection.digest()},
        "type": "Retrieval",
        "category": "t2t",
        "modalities": ["text"],
        "eval_splits": [_SPLIT],
        "eval_langs": languages,
        "main_score": "ndcg_at_10",
        "is_public": False,
        # What mteb asks instruction models for; without it they would get its own words for retrieval.
        "prompt": {"query": WEB_SEARCH},
    }
    task_metadata = TaskMetadata(**{**fields, **metadata})

    class MixedPoolTask(AbsTaskRetrieval):  # type: ignore[misc, unused-ignore]
        """A collection in memory."""

        metadata = task_metadata
        data_loaded: bool = False

        def load_data(self, *_: Any, **__: Any) -> None:
            """Convert the texts and judgements of each chosen subset to mteb's format."""
            if self.data_loaded:
                return
            self.dataset = {
                subset: {_SPLIT: _split(collection, settings[subset], judged[subset])} for subset in self.hf_subsets
            }
            self.data_loaded = True

        def evaluate(self, model: Any, *arguments: Any, **options: Any) -> Any:
            """Evaluate as any task; warn if mteb's prompts are not those that clinometer uses for the model."""
            if notice := prompt_notice(model, self.metadata):
                warnings.warn(notice, UserWarning, stacklevel=2)
            return super().evaluate(model, *arguments, **options)

    return MixedPoolTask()


def xquad_task(folder: str, *, languages: Iterable[str] | None = None, **options: Any) -> AbsTaskRetrieval:
    """XQuAD with passages of several languages in one pool; `folder` as for `xquad:DIR`."""
    return mixed_pool_task(load(f"xquad:{folder}", languages=languages), **{"name": "XQuADMixedPool", **options})


def belebele_task(folder: str, *, languages: Iterable[str] | None = None, **options: Any) -> AbsTaskRetrieval:
    """Belebele with passages of several languages in one pool; `folder` as for `belebele:DIR`."""
    return mixed_pool_task(load(f"belebele:{folder}", languages=languages), **{"name": "BelebeleMixedPool", **options})


def _relevant(collection: Collection, setting: Setting) -> dict[str, dict[str, int]]:
    """Judgements of the queries with a relevant document in the pool."""
    documents, pool = collection.documents, set(setting.pool)
    grades_of: dict[str, dict[str, int]] = {}
    for row, language in enumerate(collection.queries.languages):
        if language != setting.query_language:
            continue
        span = slice(collection.indptr[row], collection.indptr[row + 1])
        judged = zip(collection.judged[span].tolist(), collection.grades[span].tolist(), strict=True)
        grades = {documents.ids[document]: grade for document, grade in judged if documents.languages[document] in pool}
        if any(grade >= 1 for grade in grades.values()):
            grades_of[collection.queries.ids[row]] = grades
    return grades_of


def _split(collection: Collection, setting: Setting, judged: dict[str, dict[str, int]]) -> dict[str, Any]:
    documents = collection.documents.take(collection.documents.rows_in(setting.pool))
    queries = [
        {"id": name, "text": text}
        for name, text in zip(collection.queries.ids, collection.queries.texts, strict=True)
        if name in judged
    ]
    return {
        "corpus": Dataset.from_dict(
            {"id": list(documents.ids), "title": [""] * len(documents), "text": list(documents.texts)}
        ),
        "queries": Dataset.from_list(queries),
        "relevant_docs": judged,
        "top_ranked": None,
    }
