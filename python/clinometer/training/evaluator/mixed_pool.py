"""`MixedPoolEvaluator`: the figures of `clinometer.evaluate` in the training loop of sentence-transformers.

No state of the model or its figures is kept between calls, and the model is left unchanged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.evaluation import SentenceEvaluator

from clinometer.collection import Collection
from clinometer.correction import CorrectedEncoder
from clinometer.correction.center import Center
from clinometer.encoders import Encoder, PrecomputedEncoder, SentenceTransformerEncoder
from clinometer.errors import UsageError
from clinometer.evaluation import evaluate
from clinometer.io import load
from clinometer.measures import Measure
from clinometer.scanning.counts import TieMode
from clinometer.scenarios.options import EvaluationOptions
from clinometer.training.development import development_collection
from clinometer.training.evaluator.history import append_row
from clinometer.training.evaluator.metrics import (
    BALANCE,
    CORRECTED,
    Criterion,
    criterion_key,
    metrics_of,
    primary_value,
)
from clinometer.training.evaluator.questions import with_questions
from clinometer.training.items import ParallelItem
from clinometer.training.split import Split

__all__ = ["MixedPoolEvaluator"]

_logger = logging.getLogger(__name__)


class MixedPoolEvaluator(SentenceEvaluator):  # type: ignore[misc, unused-ignore]
    """Measures a model in training on pools of several languages: how near the translations are, and what it costs.

    Figures are named `scenario_who_measure`, such as `multi_macro-target_Complete@10` or `mono-same_de_nDCG@10`, with
    `name_` in front if there is a name. Who is a query language, or a mean over them: `macro` (all), `macro-target`
    (all but the pivot) or `macro-pivot`. Values are those of `clinometer.evaluate` with the model, without intervals.

    **Which checkpoint is best.** Alignment can come at the expense of retrieval: a model that puts translations
    together by putting everything together gains in `multi` at first, and loses within each language. So the default,
    `balance`, is the geometric mean of both, `sqrt(multi macro MaxRnorm / 100 * mono-same macro nDCG@10)`, from 0 to 1:
    a relative loss of one weighs as much as the same relative gain of the other, and no gain compensates for one that
    breaks down. It uses `MaxRnorm` rather than `Complete@10`, which does not change with every query and saturates in
    the small pools of development data. Both are means over all query languages, the pivot included, which a training
    may harm as well. A training whose only goal is alignment may use `multi/macro-target/Complete@10`.

    Args:
        collection: A collection, or a source that `clinometer.load` reads. `from_parallel` builds one from training
            files.
        languages: Languages to evaluate; all of the collection by default.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`.
        measures: Names as in `clinometer.measures`.
        pivot: The language that is paired with every other.
        primary: Criterion of the best checkpoint: `balance`; `scenario/who/measure`, where larger is better; one of
            these after `corrected/`; or a function of the figures (a dictionary, without the name) that returns a
            number, larger is better, reported as `primary`.
        query_prompt: Text put before each query; None for the model's own prompt, `""` for none. Prompts that the
            training arguments set by column are not the model's own: give them here as well.
        document_prompt: The same for documents.
        batch_size: Texts in one forward pass.
        max_length: Longest input in tokens; the model's own if None.
        sample: Maximum number of questions, each in all its languages. The pool keeps all documents, so that the values
            estimate those of the whole collection; to encode fewer documents, give a smaller collection.
        seed: Seed of the sample of questions.
        ties: Order of equal scores, as in `clinometer.evaluate`.
        threads: Number of threads of the scan; the figures do not depend on it.
        corrected: Also evaluate with each language's mean subtracted (`clinometer.correction.Center`, fitted on the
            embeddings of the pool), under names that begin with `corrected_`. From a language that only has queries,
            the mean over all languages is subtracted.
        name: Prefix of the names of figures, also used in the file name.
        write_csv: Add a row for each evaluation to `Mixed-Pool_evaluation_NAME_results.csv` in the folder of a call.
        show_progress_bar: Draw bars on standard error.

    Raises:
        MissingExtraError: The extra `models` is not installed.
        ClinometerError: Options or a collection that cannot be used. Such faults are detected here, not after the first
            steps of a training.

    Example:
        ::

            from clinometer.integrations.sentence_transformers import MixedPoolEvaluator

            evaluator = MixedPoolEvaluator.from_parallel(files, ["de", "zh"], name="dev", corrected=True)
            args = SentenceTransformerTrainingArguments(
                output_dir="runs/aligned",
                eval_strategy="steps",
                eval_steps=100,
                save_steps=100,
                load_best_model_at_end=True,
                metric_for_best_model=f"eval_{evaluator.primary_metric}",  # eval_dev_balance
                greater_is_better=evaluator.greater_is_better,
            )
            trainer = SentenceTransformerTrainer(model, args, dataset, loss=loss, evaluator=evaluator)
    """

    def __init__(
        self,
        collection: Collection | str | Path,
        *,
        languages: Iterable[str] | None = None,
        scenarios: Iterable[str] = ("multi", "mono-same"),
        measures: Iterable[str | Measure] = ("Complete@10", "MaxRnorm", "nDCG@1", "nDCG@10"),
        pivot: str = "en",
        primary: Criterion = BALANCE,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
        sample: int | None = None,
        seed: int = 0,
        ties: TieMode = "index",
        threads: int | None = None,
        corrected: bool = False,
        name: str = "",
        write_csv: bool = True,
        show_progress_bar: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]*", name):
            raise UsageError(f"name is {name!r}, but may only have letters, digits, '_', '-' and '.'")
        for option, value in (("batch_size", batch_size), ("max_length", max_length)):
            if value is not None and value < 1:
                raise UsageError(f"{option} must be 1 or more, not {value}")
        options = EvaluationOptions.of(
            languages=languages, scenarios=scenarios, pivot=pivot, measures=measures, ties=ties, seed=seed,
            threads=threads,
        )  # fmt: skip
        if not isinstance(collection, Collection):
            collection = load(collection, languages=options.languages)
        self.collection = with_questions(collection.restrict(options.languages), sample, seed)
        self.scenarios, self.measures, self.pivot = (
            options.chosen_scenarios,
            options.chosen_measures,
            options.canonical_pivot,
        )
        self.primary, self.query_prompt, self.document_prompt = primary, query_prompt, document_prompt
        self.batch_size, self.max_length = batch_size, max_length
        self.sample, self.seed, self.ties, self.threads = sample, seed, ties, threads
        self.corrected, self.name, self.write_csv = corrected, name, write_csv
        self.show_progress_bar = show_progress_bar
        self.greater_is_better = True
        self._key = criterion_key(
            primary,
            scenarios=self.scenarios,
            measures=self.measures,
            languages=self.collection.languages,
            corrected=corrected,
        )
        self._planned = self._rehearsed()
        # With the name from the start, for `metric_for_best_model`; the library only adds it at the first evaluation.
        self.primary_metric = f"{name}_{self._key}" if name else self._key
        self.csv_file = f"Mixed-Pool_evaluation{'_' if name else ''}{name}_results.csv"

    @classmethod
    def from_parallel(
        cls,
        files: str | Path | Sequence[str | Path] | Sequence[ParallelItem],
        languages: Iterable[str],
        split: Split = "dev",
        *,
        dev_share: float = 0.1,
        split_seed: int = 0,
        samples: int | None = None,
        pivot: str = "en",
        seed: int = 0,
        **options: Any,
    ) -> Self:
        """An evaluator on the part of parallel training files that training does not see.

        Args:
            files: Files of parallel JSONL, or items of `read_items`.
            languages: Target languages, as in training.
            split: `dev`, `train` or `all`.
            dev_share: Share of the pages kept for development, as in training.
            split_seed: Seed of the split, as in training.
            samples: Maximum number of items, which also limits the pool.
            pivot: The language that is paired with every other.
            seed: Seed of the choice of items and questions.
            **options: Other arguments of the class, such as `name` and `corrected`.

        Raises:
            ClinometerError: As for `clinometer.training.development.development_collection` and the class.
        """
        collection = development_collection(
            files, languages, split=split, dev_share=dev_share, split_seed=split_seed, pivot=pivot, samples=samples,
            seed=seed,
        )  # fmt: skip
        return cls(collection, pivot=pivot, seed=seed, **options)

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Evaluate a model.

        Args:
            model: A SentenceTransformer.
            output_path: Folder of the CSV file; None for no file.
            epoch: Epoch, for the CSV file and the model card.
            steps: Steps in the epoch, likewise.

        Returns:
            The figures by name; `primary_metric` is among them.

        Raises:
            EncoderError: The model fails.
            EmbeddingError: It returns vectors that are zero, NaN or infinite, as after a training that diverged.
            UsageError: The `primary` figure is not defined here.
        """
        with _modes_kept(model):
            queries, documents, similarity = self._embedded(model)
        computed = self._metrics(queries, documents, similarity)
        computed[self._key] = primary_value(self.primary, computed, self._key)
        figures = ", ".join(f"{key} {computed[key]:.4f}" for key in dict.fromkeys((self._key, *self._planned[:4])))
        when = "" if epoch == -1 else f" in epoch {epoch}" + ("" if steps == -1 else f" after {steps} steps")
        _logger.info("Mixed pool %s%s: %s", self.name or self.collection.name, when, figures)
        if output_path is not None and self.write_csv:
            columns = dict.fromkeys((*self._planned, *computed))
            row = {"epoch": epoch, "steps": steps, **{column: computed.get(column, "") for column in columns}}
            append_row(Path(output_path) / self.csv_file, row)
        metrics: dict[str, float] = self.prefix_name_to_metrics(computed, self.name)
        self.store_metrics_in_model_card_data(model, metrics, epoch, steps)
        return metrics

    def get_config_dict(self) -> dict[str, Any]:
        """The evaluation's data and options, for the model card."""
        facts: dict[str, Any] = {
            "collection": self.collection.name,
            "digest": self.collection.digest(),
            "documents": len(self.collection.documents),
            "queries": len(self.collection.queries),
            "languages": list(self.collection.languages),
            "scenarios": self.scenarios,
            "measures": [str(measure) for measure in self.measures],
            "pivot": self.pivot,
            "primary": self._key,
            "ties": self.ties,
            "query_prompt": self.query_prompt,
            "document_prompt": self.document_prompt,
            "max_length": self.max_length,
            "sample": self.sample,
            "seed": None if self.sample is None else self.seed,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _embedded(self, model: Any) -> tuple[NDArray[np.float32], NDArray[np.float32], str]:
        encoder = SentenceTransformerEncoder(
            model,
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
            batch_size=self.batch_size,
            max_length=self.max_length,
        )
        earlier_warnings = len(encoder.record.warnings)
        queries = encoder.encode_queries(self.collection.queries.texts, show_progress_bar=self.show_progress_bar)
        documents = encoder.encode_documents(self.collection.documents.texts, show_progress_bar=self.show_progress_bar)
        for warning in encoder.record.warnings[earlier_warnings:]:
            _logger.warning("%s", warning)
        return queries, documents, encoder.record.similarity

    def _metrics(
        self, queries: NDArray[np.float32], documents: NDArray[np.float32], similarity: str = ""
    ) -> dict[str, float]:
        """Figures from embeddings, plain and corrected, so that each text is encoded once."""
        plain = PrecomputedEncoder(queries, documents, similarity=similarity)
        metrics = self._evaluated(plain)
        if self.corrected:
            center = Center.fit(documents, self.collection.documents.languages)
            corrected = self._evaluated(CorrectedEncoder(plain, center, unknown="mean"))
            metrics |= {f"{CORRECTED}_{key}": value for key, value in corrected.items()}
        return metrics

    def _evaluated(self, encoder: Encoder) -> dict[str, float]:
        evaluation = evaluate(
            self.collection, encoder, scenarios=self.scenarios, pivot=self.pivot, measures=self.measures,
            ties=self.ties, resamples=0, threads=self.threads,
        )  # fmt: skip
        return metrics_of(evaluation.rows, self.pivot)

    def _rehearsed(self) -> list[str]:
        """The names of all figures, from an evaluation of random embeddings: faults show up before a training."""
        generator = np.random.default_rng(0)
        queries, documents = (
            generator.standard_normal((len(texts), 16)).astype(np.float32)
            for texts in (self.collection.queries, self.collection.documents)
        )
        metrics = self._metrics(queries, documents)
        if not callable(self.primary):
            primary_value(self.primary, metrics, self._key)
        return list(metrics)


@contextmanager
def _modes_kept(model: Any) -> Iterator[None]:
    """Encoding puts the whole model into evaluation mode; this restores the mode of each part."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
