"""`MixedPoolEvaluator` on a tiny random model: the figures of `evaluate`, in a real trainer, the model untouched."""

from __future__ import annotations

import csv
import json
import logging
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import foreign_warnings, tiny_transformer

import clinometer as cm
from clinometer.correction import Center, CorrectedEncoder
from clinometer.encoders import SentenceTransformerEncoder
from clinometer.errors import EmbeddingError, LanguageError, UsageError
from clinometer.training.data import samples_from_items
from clinometer.training.development import development_collection

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("datasets")
    pytest.importorskip("accelerate")
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.evaluation import BaseEvaluator, SequentialEvaluator

    from clinometer.integrations.sentence_transformers import MixedPoolEvaluator
    from clinometer.losses import CrossLingualAlignmentLoss

pytestmark = pytest.mark.models


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with foreign_warnings.ignored(DeprecationWarning, FutureWarning, UserWarning):
        yield


@pytest.fixture
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_transformer.build(tmp_path_factory.mktemp("tiny"), dropout=0.1)


def collection(count: int = 24) -> cm.Collection:
    return development_collection(tiny_transformer.items(count), ["de", "zh"], split="all")


SHOWN: dict[str, Any] = {
    "scenarios": ["multi", "mono-same"],
    "measures": ["Complete@10", "MaxRnorm", "nDCG@1", "nDCG@10"],
}


def assert_same(metrics: dict[str, float], evaluation: cm.Evaluation, lead: str = "") -> None:
    """Every mean and every target language, in every bit."""
    for measure in SHOWN["measures"]:
        for scenario in SHOWN["scenarios"]:
            for who in ("macro", "macro-target", "de", "zh"):
                assert metrics[f"{lead}{scenario}_{who}_{measure}"] == evaluation.value(measure, scenario, who)
        assert metrics[f"{lead}multi_macro-pivot_{measure}"] == evaluation.value(measure, "multi", "macro-pivot")
        assert metrics[f"{lead}mono-same_en_{measure}"] == evaluation.value(measure, "mono-same", "en")
    near, kept = evaluation.value("MaxRnorm", "multi", "macro"), evaluation.value("nDCG@10", "mono-same", "macro")
    assert near is not None
    assert kept is not None
    assert metrics[f"{lead}balance"] == pytest.approx((near / 100 * kept) ** 0.5)


@pytest.mark.parametrize("prompts", [{}, {"query_prompt": "en1 ", "document_prompt": "en2 en3 "}])
@pytest.mark.parametrize("own", [{}, {"query": "zh5 ", "document": "zh6 "}])
def test_figures_are_those_of_evaluate(tiny: Any, prompts: dict[str, Any], own: dict[str, str]) -> None:
    tiny.prompts = own
    metrics = MixedPoolEvaluator(collection(), **prompts)(tiny)
    wanted = cm.evaluate(collection(), SentenceTransformerEncoder(tiny, **prompts), resamples=0, **SHOWN)
    assert_same(metrics, wanted)
    tiny.prompts = {}
    assert (metrics == MixedPoolEvaluator(collection())(tiny)) == (not prompts and not own)
    assert all(type(value) is float for value in metrics.values())


def test_corrected_figures_are_those_of_the_corrected_encoder(tiny: Any) -> None:
    found, encoder = collection(), SentenceTransformerEncoder(tiny)
    metrics = MixedPoolEvaluator(found, corrected=True, primary="corrected/balance")(tiny)
    center = Center.fit(encoder.encode_documents(found.documents.texts), found.documents.languages)
    assert_same(metrics, cm.evaluate(found, CorrectedEncoder(encoder, center), resamples=0, **SHOWN), "corrected_")
    assert_same(metrics, cm.evaluate(found, encoder, resamples=0, **SHOWN))
    assert metrics["corrected_balance"] != metrics["balance"]


def test_corrected_queries_in_a_language_without_documents(tiny: Any) -> None:
    builder = cm.CollectionBuilder("three")
    for row, one in enumerate(tiny_transformer.items(6)):
        builder.add_document(f"en{row}", one.texts["en"][1], "en")
        builder.add_document(f"de{row}", one.texts["de"][1], "de")
        builder.add_query(f"zh{row}", one.texts["zh"][0] or "", "zh")
        builder.judge(f"zh{row}", f"de{row}")
    with pytest.warns(UserWarning, match=r"6 of 6 queries were corrected by the mean over all languages: zh \(6\)"):
        metrics = MixedPoolEvaluator(
            builder.build(), scenarios=["multilingual"], measures=["RR"], corrected=True, primary="multilingual/zh/RR"
        )(tiny)
    assert 0 < metrics["corrected_multilingual_zh_RR"] <= 1


def test_options_reach_the_evaluation(tiny: Any) -> None:
    options: dict[str, Any] = {"scenarios": ["one-sided"], "measures": ["Intrusion(by=own)", "RR"], "pivot": "zh"}
    evaluator = MixedPoolEvaluator(
        collection(), languages=["zh", "de"], primary="one-sided/macro/RR", ties="expected", **options
    )
    wanted = cm.evaluate(
        collection(), SentenceTransformerEncoder(tiny), languages=["zh", "de"], resamples=0, ties="expected", **options
    )
    metrics = evaluator(tiny)
    assert metrics["one-sided_de_Intrusion-by-own"] == wanted.value("Intrusion(by=own)", "one-sided", "de")
    assert metrics["one-sided_macro-pivot_RR"] == wanted.value("RR", "one-sided", "zh")
    assert evaluator.primary_metric == "one-sided_macro_RR"
    cut = MixedPoolEvaluator(collection(), max_length=4)(tiny)
    assert cut["balance"] != MixedPoolEvaluator(collection())(tiny)["balance"]
    assert tiny.max_seq_length == 32


@pytest.mark.parametrize("ties", ["index", "optimistic", "pessimistic", "expected"])
def test_ties_are_ordered_as_told(tiny: Any, ties: Any) -> None:
    builder = cm.CollectionBuilder("copies")
    for row, one in enumerate(tiny_transformer.items(12)):
        for label in ("en", "de"):  # what is written in both languages alike ties, and so does every third document
            builder.add_document(f"{label}{row}", one.texts["en"][1] if row % 3 else "en1 en2", label, str(row))
        builder.add_query(f"q{row}", one.texts["de"][0] or "", "de", str(row))
        builder.judge(f"q{row}", f"de{row}")
    found = builder.build()
    metrics = MixedPoolEvaluator(found, scenarios=["multi"], measures=["RR"], primary="multi/de/RR", ties=ties)(tiny)
    wanted = {
        mode: cm.evaluate(found, tiny, scenarios=["multi"], measures=["RR"], ties=mode, resamples=0).value(
            "RR", "multi", "de"
        )
        for mode in ("index", "optimistic", "pessimistic", "expected")
    }
    assert len(set(wanted.values())) == 4
    assert metrics["multi_de_RR"] == wanted[ties]


def test_a_name_stands_before_every_figure(tiny: Any) -> None:
    plain, named = MixedPoolEvaluator(collection())(tiny), MixedPoolEvaluator(collection(), name="mixed-pool")
    assert named.primary_metric == "mixed-pool_balance"
    assert named(tiny) == {f"mixed-pool_{key}": value for key, value in plain.items()}
    assert named.primary_metric == "mixed-pool_balance"
    # A name with which a figure begins as well.
    same = MixedPoolEvaluator(collection(), name="multi", primary="multi/macro/MaxRnorm")
    assert same.primary_metric == "multi_multi_macro_MaxRnorm"
    assert same.primary_metric in same(tiny)
    assert same.greater_is_better is True


def test_a_function_as_criterion(tiny: Any) -> None:
    evaluator = MixedPoolEvaluator(
        collection(), name="x", primary=lambda found: found["mono-same_en_nDCG@1"] - found["multi_macro_MaxRnorm"]
    )
    metrics = evaluator(tiny)
    assert evaluator.primary_metric == "x_primary"
    assert metrics["x_primary"] == metrics["x_mono-same_en_nDCG@1"] - metrics["x_multi_macro_MaxRnorm"]


def test_the_csv_file_has_one_header(tiny: Any, tmp_path: Path) -> None:
    evaluator = MixedPoolEvaluator(collection(), name="dev", corrected=True)
    half: Any = (0.5, 10)  # a trainer gives parts of epochs
    first = evaluator(tiny, str(tmp_path / "eval"), *half)
    evaluator(tiny, str(tmp_path / "eval"), 1, 20)
    with (tmp_path / "eval" / "Mixed-Pool_evaluation_dev_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["steps"]) for row in rows] == [("0.5", "10"), ("1", "20")]
    assert {f"dev_{key}": float(value) for key, value in rows[0].items() if key not in ("epoch", "steps")} == first
    MixedPoolEvaluator(collection(), write_csv=False)(tiny, str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    assert MixedPoolEvaluator(collection()).csv_file == "Mixed-Pool_evaluation_results.csv"


def test_a_sample_has_fewer_queries_and_the_whole_pool(tiny: Any) -> None:
    evaluator = MixedPoolEvaluator(collection(), sample=5, seed=3)
    assert len(evaluator.collection.documents) == 72
    assert len(evaluator.collection.queries) == 15
    encoder = SentenceTransformerEncoder(tiny)
    assert_same(evaluator(tiny), cm.evaluate(evaluator.collection, encoder, resamples=0, **SHOWN))
    whole = cm.evaluate(collection(), encoder, resamples=0, **SHOWN)
    mine = [
        value
        for query, label, scenario, value in zip(
            *(whole.per_query[name].tolist() for name in ("query_id", "query_language", "scenario", "nDCG@10")),
            strict=True,
        )
        if query in evaluator.collection.queries.ids and (label, scenario) == ("de", "multi")
    ]
    assert len(mine) == 5
    assert evaluator(tiny)["multi_de_nDCG@10"] == pytest.approx(np.mean(mine))


def test_the_model_is_left_as_it_was(tiny: Any) -> None:
    tiny.train()
    tiny[1].eval()  # a part that its owner has put into evaluation mode
    before = [module.training for module in tiny.modules()]
    assert len(set(before)) == 2
    state, draws = torch.random.get_rng_state(), random.getstate()
    evaluator = MixedPoolEvaluator(collection(), max_length=8)
    first = evaluator(tiny)
    assert [module.training for module in tiny.modules()] == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert random.getstate() == draws
    tiny.eval()
    assert evaluator(tiny) == first  # dropout was off, and nothing was kept
    assert not any(module.training for module in tiny.modules())

    tiny.train()
    tiny.encode_document = None  # fails while it encodes
    tiny.encode = None
    with pytest.raises(Exception, match="not callable"):
        evaluator(tiny)
    assert tiny.training


def test_one_evaluator_for_two_models(tiny: Any, tmp_path: Path) -> None:
    other = tiny_transformer.build(tmp_path, seed=9)
    evaluator = MixedPoolEvaluator(collection(), name="both")
    found = [evaluator(model) for model in (tiny, other, tiny)]
    assert found[0] == found[2] != found[1]


def test_a_model_that_diverged_is_named(tiny: Any) -> None:
    with torch.no_grad():
        for parameter in tiny.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(EmbeddingError, match="the embeddings of 72 queries are zero, NaN or infinite"):
        MixedPoolEvaluator(collection())(tiny)


def test_what_is_cut_is_said(tiny: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="clinometer"):
        MixedPoolEvaluator(collection(), max_length=8, name="dev")(tiny, None, 1, 30)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ["72 of 72 documents so far were cut: longer than 8 tokens"]
    assert any(record.getMessage().startswith("Mixed pool dev in epoch 1 after 30 steps: balance 0.")
               for record in caplog.records)  # fmt: skip


def test_it_is_native_to_the_library(tiny: Any, tmp_path: Path) -> None:
    evaluator = MixedPoolEvaluator(collection(), name="dev", query_prompt="en0 ", sample=20)
    assert isinstance(evaluator, BaseEvaluator)
    assert evaluator.description == "Mixed Pool"
    config = json.loads(json.dumps(evaluator.get_config_dict()))
    assert config["primary"] == "balance"
    assert config["languages"] == ["en", "de", "zh"]
    assert config["documents"] == 72
    assert config["query_prompt"] == "en0 "
    assert (config["sample"], config["seed"]) == (20, 0)
    assert "document_prompt" not in config
    assert "seed" not in MixedPoolEvaluator(collection()).get_config_dict()
    both = SequentialEvaluator([MixedPoolEvaluator(collection(), name="one"), evaluator], lambda scores: sum(scores))
    metrics = both(tiny, str(tmp_path), 1, 5)
    assert metrics["sequential_score"] == metrics["one_balance"] + metrics["dev_balance"]
    shown = tiny.model_card_data.eval_results_dict[evaluator]
    assert shown == {key: value for key, value in metrics.items() if key.startswith("dev_")}
    tiny.save(str(tmp_path / "saved"))
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "#### Mixed Pool" in card
    assert "**balance**" in card
    assert "clinometer.training.evaluator.mixed_pool.MixedPoolEvaluator" in card


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rate", [2e-3, 0.5])
def test_the_best_checkpoint_is_loaded_at_the_end(tiny: Any, tmp_path: Path, rate: float) -> None:
    evaluator = MixedPoolEvaluator.from_parallel(
        tiny_transformer.items(48), ["de", "zh"], dev_share=0.4, name="dev", corrected=True
    )
    trained = samples_from_items(tiny_transformer.items(48), ["de", "zh"], None, dev_share=0.4)
    assert not set(evaluator.collection.documents.groups) & set(trained.ids)
    args = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=8,
        per_device_train_batch_size=8,
        learning_rate=rate,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        logging_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{evaluator.primary_metric}",
        greater_is_better=evaluator.greater_is_better,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=7,
    )
    trainer = SentenceTransformerTrainer(
        model=tiny, args=args, train_dataset=trained.to_dataset(), loss=CrossLingualAlignmentLoss(tiny),
        evaluator=evaluator,
    )  # fmt: skip
    trainer.train()
    found = {entry["step"]: entry["eval_dev_balance"] for entry in trainer.state.log_history if "eval_loss" not in entry
             and "eval_dev_balance" in entry}  # fmt: skip
    assert list(found) == [2, 4, 6, 8]
    assert len(set(found.values())) > 1
    best = max(found, key=lambda step: found[step])
    assert trainer.state.best_metric == found[best]
    assert str(trainer.state.best_model_checkpoint).endswith(f"checkpoint-{best}")
    assert evaluator(tiny)["dev_balance"] == pytest.approx(found[best], rel=1e-6)
    if rate > 0.1:
        assert best < 8  # such steps destroy the model, and an earlier one is taken back
    with (tmp_path / "eval" / "Mixed-Pool_evaluation_dev_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["steps"]) for row in rows] == [2, 4, 6, 8]
    assert [float(row["balance"]) for row in rows] == list(found.values())
    assert "eval_dev_corrected_multi_macro-target_Complete@10" in trainer.state.log_history[-2]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"name": "a/b"}, UsageError, "name is 'a/b', but may only have letters, digits, '_', '-' and '.'"),
        ({"batch_size": 0}, UsageError, "batch_size must be 1 or more, not 0"),
        ({"max_length": 0}, UsageError, "max_length must be 1 or more, not 0"),
        ({"sample": 0}, UsageError, "sample is 0, but must be a whole number of 1 or more"),
        ({"scenarios": ["multi"]}, UsageError, "primary is 'balance', which needs mono-same as well"),
        ({"scenarios": "multi"}, UsageError, "scenarios must be a list of texts, not 'multi'"),
        ({"scenarios": ["many"]}, UsageError, "unknown scenario 'many'"),
        ({"measures": ["nDGC@10"]}, UsageError, "nDGC@10"),
        ({"pivot": "fr"}, LanguageError, "the pivot 'fr' is not among the languages en, de, zh"),
        ({"languages": ["en", "fr"]}, LanguageError, "collection 'development' has no fr; it has en, de, zh"),
        ({"languages": ["en"]}, UsageError, "multi need two languages, but there is only en"),
        ({"primary": "multi/macro/MaxR", "measures": ["MaxR"]}, UsageError, "MaxR is better when it is smaller"),
        ({"primary": "multi/en/MaxRnorm"}, UsageError, "multi_en_MaxRnorm is not defined in this collection"),
        ({"ties": "no"}, UsageError, "unknown tie mode 'no'"),
    ],
)
def test_what_is_wrong_is_said_before_a_training(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        MixedPoolEvaluator(collection(), **options)


def test_sources_are_loaded() -> None:
    evaluator = MixedPoolEvaluator("demo", languages=["en", "de"])
    assert evaluator.collection.languages == ("en", "de")


def test_a_criterion_that_gives_no_number(tiny: Any) -> None:
    with pytest.raises(UsageError, match="primary returned nan for the metrics, but must return a finite number"):
        MixedPoolEvaluator(collection(), primary=lambda _: float("nan"))(tiny)
