"""The target of `clinometer evaluate`, from its options: an encoder, arrays, stores, ranked lists or scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.cli.remedies import RemedyFiles
from clinometer.collection import Collection
from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.scorers import Scorer

__all__ = ["Target"]


@dataclass
class Target:
    """One of the things that can be evaluated; options that do not go together are refused before any work is done.

    Args:
        encoder: `--encoder`; None for the offline one, unless another option names what is evaluated.
        model: Options of an encoder that is made from a name.
        run: `--run`: a TREC run.
        scores: `--scores`: a matrix of queries by documents.
        queries: `--queries`: an array, or the folder of a store.
        documents: `--documents`, likewise.
        remedies: What the embeddings go through.

    Raises:
        UsageError: Options that name two things, or half of one.
    """

    encoder: str | None
    model: dict[str, Any]
    run: Path | None = None
    scores: Path | None = None
    queries: Path | None = None
    documents: Path | None = None
    remedies: RemedyFiles | None = None

    def __post_init__(self) -> None:
        rows = [path for path in (self.documents, self.queries) if path is not None]
        self._stored = bool(rows) and all(path.is_dir() for path in rows)
        self._stores: tuple[Any, Any] | None = None
        named = {"--encoder": self.encoder, "--run": self.run, "--scores": self.scores}
        given = [option for option, value in named.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} each name what is evaluated; give one of them")
        if self._stored:
            if given or any(value for name, value in self.model.items() if name != "batch_size"):
                raise UsageError(
                    "--documents and --queries were encoded already; leave --encoder and its options out, --run and "
                    "--scores as well"
                )
        elif self.encoder == "precomputed":
            if len(rows) < 2:
                raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
        elif rows:
            raise UsageError("--queries and --documents are for --encoder precomputed, or name folders of stores")

    def open(self) -> None:
        """Read what is small, so that a wrong path is found before texts are read."""
        if self.remedies is not None:
            self.remedies.load()
        if self._stored:
            from clinometer.scorers.stored import open_stores

            self._stores = open_stores(documents=self.documents, queries=self.queries)

    def scorer(self, collection: Collection) -> Scorer:
        """What scores this collection."""
        from clinometer.encoders import PrecomputedEncoder, encoder
        from clinometer.scorers import MatrixScorer, RunScorer, StoredEmbeddings, scorer

        if self._stores is not None:
            return StoredEmbeddings(*self._stores, self.remedies.on_stores(*self._stores) if self.remedies else None)
        what: Any = self.encoder or "offline"
        if self.run is not None:
            what = RunScorer(self.run)
        elif self.scores is not None:
            what = MatrixScorer.from_file(self.scores)
        elif self.queries is not None and self.documents is not None:
            what = PrecomputedEncoder.from_files(self.queries, self.documents)
        if not self.remedies:
            return scorer(what, **self.model)
        return scorer(self.remedies.applied_to(encoder(what, **self.model), collection))
