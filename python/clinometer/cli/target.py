"""The target of `clinometer evaluate`, from its options: an encoder, arrays, stores, ranked lists or scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.cli.remedies import RemedyFiles
from clinometer.errors import UsageError
from clinometer.files import is_url
from clinometer.numerals import read_bytes

if TYPE_CHECKING:
    from clinometer.collection import Collection
    from clinometer.scorers import Scorer

__all__ = ["Target"]


@dataclass
class Target:
    """The one target of an evaluation; options that cannot be combined are refused before the work.

    Args:
        encoder: `--encoder`; None for the offline encoder, unless another option names the target.
        model: Options of the encoder.
        run: `--run`: a TREC run.
        scores: `--scores`: a matrix of queries by documents.
        queries: `--queries`: an array, or the folder or URL of a store.
        documents: `--documents`, likewise.
        remedies: Remedies after the encoder.
        similarity: `--similarity`, which says whether arrays are packed bits.
        memory_budget: `--memory-budget` of the scan of stores.

    Raises:
        UsageError: The options name two targets, or half of one.
    """

    encoder: str | None
    model: dict[str, Any]
    run: Path | None = None
    scores: Path | None = None
    queries: str | None = None
    documents: str | None = None
    remedies: RemedyFiles | None = None
    similarity: str | None = None
    memory_budget: str | None = None

    def __post_init__(self) -> None:
        paths = [path for path in (self.documents, self.queries) if path is not None]
        self._stored = bool(paths) and all(is_url(path) or Path(path).is_dir() for path in paths)
        self._stores: tuple[Any, Any] | None = None
        self._before: Scorer | None = None
        targets = {"--encoder": self.encoder, "--run": self.run, "--scores": self.scores}
        target_options = [option for option, value in targets.items() if value is not None]
        if len(target_options) > 1:
            raise UsageError(f"{' and '.join(target_options)} each name a target; give one of them")
        if self._stored:
            if target_options or any(
                value for name, value in self.model.items() if name not in ("batch_size", "truncate_dim")
            ):
                raise UsageError(
                    "--documents and --queries are already encoded; leave out --encoder with its options, --run and "
                    "--scores"
                )
        elif self.encoder == "precomputed":
            if len(paths) < 2:
                raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
        elif paths:
            raise UsageError("--queries and --documents are for --encoder precomputed, or must be folders of stores")
        if self.memory_budget is not None:
            if not self._stored:
                raise UsageError("--memory-budget is for a scan of stores; give --documents STORE, or leave it out")
            read_bytes(self.memory_budget, "--memory-budget")

    def open(self) -> None:
        """Read the small files, so that a wrong path or a missing extra is detected before texts are read."""
        if self.encoder != "precomputed" and not self._stored and self.run is None and self.scores is None:
            from clinometer.scorers.factory import check_scorer

            check_scorer(self.encoder or "offline", **self.model)
        if self.remedies is not None:
            self.remedies.load()
        if self._stored:
            from clinometer.scorers.stored import open_stores

            self._stores = open_stores(documents=self.documents, queries=self.queries)

    def scorer(self, collection: Collection) -> Scorer:
        """The scorer of this collection."""
        from clinometer.encoders import PrecomputedEncoder, encoder
        from clinometer.scorers import MatrixScorer, RunScorer, scorer

        if self._stores is not None:
            return self._stored_scorer(self.remedies)
        what: Any = self.encoder or "offline"
        if self.run is not None:
            what = RunScorer(self.run)
        elif self.scores is not None:
            what = MatrixScorer.from_file(self.scores)
        elif self.queries is not None and self.documents is not None:
            bits = "hamming" if self.similarity == "hamming" else ""
            what = PrecomputedEncoder.from_files(self.queries, self.documents, similarity=bits)
        if not self.remedies:
            self._before = scorer(what, **self.model)
            return self._before
        model = encoder(what, **self.model)
        self._before = scorer(model)
        return scorer(self.remedies.applied_to(model, collection))

    def before(self) -> Scorer:
        """The scorer without the remedies, once `scorer` has made the one with them.

        Raises:
            UsageError: The stores hold corrected rows.
        """
        if self._stores is None:
            assert self._before is not None  # noqa: S101 - made by `scorer`
            return self._before
        documents, queries = self._stores
        if documents.record.remedies or queries.record.remedies:
            raise UsageError(
                f"{documents.path} holds corrected rows, and --own-first needs those before; give the stores before "
                "the remedies, and these as options"
            )
        return self._stored_scorer(None)

    def refuse_without_remedies(self, **further: object) -> None:
        """Refuse `--own-first` where there is nothing before which a document was best.

        Raises:
            UsageError: There are no remedies, neither behind the encoder nor in `further`.
        """
        if not self.remedies and all(value is None for value in further.values()):
            raise UsageError(
                "--own-first is for remedies; give --correction, --adapter, --expand or --feedback as well"
            )

    def _stored_scorer(self, files: RemedyFiles | None) -> Scorer:
        from clinometer.scorers import StoredEmbeddings

        assert self._stores is not None  # noqa: S101 - checked by the callers
        remedies = (files or RemedyFiles(None, None)).on_stores(*self._stores, self.model.get("truncate_dim"))
        return StoredEmbeddings(*self._stores, remedies, self.memory_budget)
