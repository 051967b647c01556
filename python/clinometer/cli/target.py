"""The target of `clinometer evaluate`, from its options: an encoder, arrays, stores, ranked lists or scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.cli.remedies import RemedyFiles
from clinometer.collection import Collection
from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.scorers import Scorer

__all__ = ["Target"]


class Target:
    """The one target of an evaluation; options that cannot be combined are refused before the work.

    Args:
        encoder: `--encoder`; None for the offline encoder, unless another option names the target.
        model: Options of the encoder.
        run: `--run`: a TREC run.
        scores: `--scores`: a matrix of queries by documents.
        queries: `--queries`: an array, or the folder of a store.
        documents: `--documents`, likewise.
        remedies: Remedies after the encoder.

    Raises:
        UsageError: The options name two targets, or half of one.
    """

    def __init__(
        self,
        encoder: str | None,
        model: dict[str, Any],
        *,
        run: Path | None = None,
        scores: Path | None = None,
        queries: Path | None = None,
        documents: Path | None = None,
        remedies: RemedyFiles | None = None,
    ) -> None:
        self._encoder, self._model, self._run, self._scores = encoder, model, run, scores
        self._queries, self._documents, self._remedies = queries, documents, remedies
        paths = [path for path in (documents, queries) if path is not None]
        self._stored = bool(paths) and all(path.is_dir() for path in paths)
        self._stores: tuple[Any, Any] | None = None
        targets = {"--encoder": encoder, "--run": run, "--scores": scores}
        options_set = [option for option, value in targets.items() if value is not None]
        if len(options_set) > 1:
            raise UsageError(f"{' and '.join(options_set)} each name a target; give one of them")
        if self._stored:
            if options_set or any(value for name, value in model.items() if name != "batch_size"):
                raise UsageError(
                    "--documents and --queries are already encoded; leave out --encoder with its options, --run and "
                    "--scores"
                )
        elif encoder == "precomputed":
            if len(paths) < 2:
                raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
        elif paths:
            raise UsageError("--queries and --documents are for --encoder precomputed, or must be folders of stores")

    def open(self) -> None:
        """Read the small files, so that a wrong path is detected before texts are read."""
        if self._remedies is not None:
            self._remedies.load()
        if self._stored:
            from clinometer.scorers.stored import open_stores

            self._stores = open_stores(documents=self._documents, queries=self._queries)

    def scorer(self, collection: Collection) -> Scorer:
        """The scorer of this collection."""
        from clinometer.encoders import PrecomputedEncoder, encoder
        from clinometer.scorers import MatrixScorer, RunScorer, StoredEmbeddings, scorer

        if self._stores is not None:
            return StoredEmbeddings(*self._stores, self._remedies.on_stores(*self._stores) if self._remedies else None)
        what: Any = self._encoder or "offline"
        if self._run is not None:
            what = RunScorer(self._run)
        elif self._scores is not None:
            what = MatrixScorer.from_file(self._scores)
        elif self._queries is not None and self._documents is not None:
            what = PrecomputedEncoder.from_files(self._queries, self._documents)
        if not self._remedies:
            return scorer(what, **self._model)
        return scorer(self._remedies.applied_to(encoder(what, **self._model), collection))
