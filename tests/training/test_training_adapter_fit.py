"""Learning on a planted bilingual set: the loss falls, the languages meet, one seed gives one result."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer.adapters import (
    AdaptedEncoder,
    Adapter,
    EmbeddedSamples,
    embed_samples,
    fit_adapter,
    load,
    train_adapter,
)
from clinometer.encoders import EncoderRecord
from clinometer.errors import EncoderError, MissingExtraError, UsageError
from clinometer.training.data import ParallelItem, ParallelSamples, samples_from_items

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    import clinometer.losses.alignment
    import clinometer.training.adapter_map

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore::UserWarning")]

TOPICS, DIMENSION, ITEMS = 16, 32, 260


class PlantedEncoder:
    """Knows the texts `LANGUAGE KIND NUMBER` and counts how many it was asked for."""

    def __init__(self) -> None:
        draw = np.random.default_rng(7)
        self._topics = draw.normal(size=(ITEMS, TOPICS))
        self._turn = np.linalg.qr(draw.normal(size=(TOPICS, TOPICS)))[0]
        self._noise = {
            (label, kind): 0.1 * draw.normal(size=(ITEMS, DIMENSION)) for label in ("en", "de") for kind in "qd"
        }
        self.asked: list[str] = []

    @property
    def record(self) -> EncoderRecord:
        return EncoderRecord(name="planted", kind="precomputed", revision="1", dimension=DIMENSION)

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        assert all(text.split()[1] == "q" for text in texts)
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        assert all(text.split()[1] == "d" for text in texts)
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            label, kind, number = text.split()
            topic = self._topics[int(number)]
            if label == "en":
                rows[row, :TOPICS] = topic
            else:
                rows[row, TOPICS:] = self._turn @ topic + 1.0
            rows[row] += self._noise[label, kind][int(number)]
        return rows


def items(first: int = 0, last: int = 220) -> list[ParallelItem]:
    return [
        ParallelItem(
            f"page{number}#0", {label: (f"{label} q {number}", f"{label} d {number}") for label in ("en", "de")}
        )
        for number in range(first, last)
    ]


def samples(first: int = 0, last: int = 220, layout: str = "alignment+query", split: str = "train") -> ParallelSamples:
    options = {"layout": layout, "split": split}
    return samples_from_items(items(first, last), ["de"], None, **options)  # type: ignore[arg-type]


def collection(first: int = 220, last: int = ITEMS) -> cm.Collection:
    """What no sample has."""
    builder = cm.CollectionBuilder("planted")
    for number in range(first, last):
        for label in ("en", "de"):
            builder.add_document(f"{label}{number}", f"{label} d {number}", label, group=str(number))
            builder.add_query(f"{label}?{number}", f"{label} q {number}", label, group=str(number))
        for label in ("en", "de"):
            for other in ("en", "de"):
                builder.judge(f"{label}?{number}", f"{other}{number}")
    return builder.build()


FAST: dict[str, Any] = {"rank": 16, "epochs": 12, "batch_size": 64, "learning_rate": 0.01, "hold": 0.1}


def learn(first: int = 0, last: int = 220, **options: Any) -> tuple[Adapter, list[dict[str, float]]]:
    held_out = samples(first, last, split="dev")
    return fit_adapter(samples(first, last), PlantedEncoder(), dev=held_out, **{**FAST, **options})


def complete(adapter: Adapter | None) -> tuple[float, float]:
    encoder: Any = PlantedEncoder() if adapter is None else AdaptedEncoder(PlantedEncoder(), adapter)
    found = cm.evaluate(
        collection(), encoder, scenarios=["multi", "mono-same"], measures=["Complete@10", "nDCG@1"], resamples=0
    )
    values = found.value("Complete@10", "multi", "de"), found.value("nDCG@1", "mono-same", "de")
    return float(values[0] or 0), float(values[1] or 0)


@pytest.mark.parametrize("kind", ["low-rank", "linear"])
def test_the_languages_meet_on_texts_that_were_not_learned(kind: Any) -> None:
    adapter, history = learn(kind=kind)
    assert history[-1]["dev"] < 0.5 * history[0]["dev"]
    assert history[-1]["train"] < 0.5 * adapter.settings["history"]["loss_first"]
    before, after = complete(None), complete(adapter)
    assert before[0] < 20 < 90 < after[0]
    assert after[1] >= before[1] - 0.02


@pytest.mark.parametrize("loss", ["jsd+nce", "pool+mono+sim", "psg", "clear", "lakda"])
def test_any_of_the_losses_will_do(loss: str) -> None:
    layout = "clear" if loss in ("clear", "lakda") else "alignment"
    options = FAST | {"epochs": 3}
    adapter, history = fit_adapter(samples(0, 80, layout=layout), PlantedEncoder(), loss=loss, **options)
    assert history[-1]["train"] < history[1]["train"]
    assert adapter.settings["loss"]["name"] == loss
    assert "dev" not in history[0]
    assert adapter.settings["history"]["best_epoch"] == 3


def test_the_value_is_that_of_the_loss_and_of_the_hold() -> None:
    """One epoch of one batch: the first value is the identity's, where the hold is zero."""
    from clinometer.losses import CrossLingualAlignmentLoss

    one = samples(0, 40)
    pairs = np.arange(len(one)) // 2  # two rows each that are no negatives of each other
    embedded = replace(embed_samples(one, PlantedEncoder()), groups=pairs)
    adapter, history = fit_adapter(
        embedded, loss="pool+nce", rank=4, batch_size=1000, epochs=2, loss_options={"scale": 5.0}
    )
    encoder = PlantedEncoder()
    columns = [torch.from_numpy(encoder._encode([row[place] for row in one.rows])) for place in range(len(one.columns))]
    loss = CrossLingualAlignmentLoss(torch.nn.Identity(), "pool+nce", scale=5.0)
    wanted = sum(loss.compute_loss_from_embeddings(columns, torch.from_numpy(pairs)).values())
    assert history[1]["train"] == pytest.approx(float(wanted), abs=1e-5)
    assert adapter.settings["loss"]["scale"] == 5
    assert adapter.settings["history"]["loss_first"] == history[1]["train"]


def test_one_seed_one_result(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 2, "separate_queries": True}
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    learn(0, 60, **options)[0].save(tmp_path / "a")
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    learn(0, 60, **options)[0].save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert learn(0, 60, seed=7, **options)[0].digest != load(tmp_path / "a").digest
    again = load(tmp_path / "a")
    assert again.separate_queries
    for name in ("u", "bias"):
        assert np.abs(again.arrays[name] - again.arrays[f"query_{name}"]).max() > 1e-3
        assert np.abs(again.arrays[f"query_{name}"]).max() > 1e-3


def test_a_strong_hold_stays_near_the_beginning() -> None:
    embedded, rows = embed_samples(samples(0, 80), PlantedEncoder()), PlantedEncoder().encode_documents(["de d 3"])
    rows /= np.linalg.norm(rows)
    moved = [
        1 - float(fit_adapter(embedded, **{**FAST, "epochs": 3, "hold": hold})[0].apply(rows)[0] @ rows[0])
        for hold in (0.0, 1.0, 1000.0)
    ]
    assert moved[0] > moved[1] > moved[2]
    assert moved[2] < 0.01


def test_a_dev_loss_that_only_rises_keeps_the_identity() -> None:
    """The dev samples pair each passage with another item's translation, so that learning can only hurt."""
    wrong = samples(0, 80)
    turned = tuple(
        (*row[:2], *other[2:]) for row, other in zip(wrong.rows, wrong.rows[1:] + wrong.rows[:1], strict=True)
    )
    dev = ParallelSamples(wrong.columns, turned, wrong.groups, wrong.languages, wrong.ids)
    options = FAST | {"epochs": 9, "patience": 2}
    adapter, history = fit_adapter(samples(0, 80), PlantedEncoder(), dev=dev, loss="psg", **options)
    assert len(history) == 3
    assert adapter.settings["history"]["best_epoch"] == 0
    assert adapter.settings["history"]["epochs_learned"] == 2
    np.testing.assert_array_equal(adapter.arrays["u"], 0)
    assert adapter.settings["history"]["dev"] == [row["dev"] for row in history]


def test_each_distinct_text_is_encoded_once_and_by_its_side() -> None:
    given = samples_from_items(items(0, 5) + items(5, 6), ["de"], None, dev_share=0, layout="alignment+query")
    twice = ParallelSamples(
        given.columns,
        given.rows * 2,
        (*given.groups, *(9 + g for g in given.groups)),
        given.languages * 2,
        given.ids * 2,
    )
    encoder = PlantedEncoder()
    embedded = embed_samples(twice, encoder)
    assert len(encoder.asked) == len(set(encoder.asked)) == 24
    assert embedded.about["texts_encoded"] == 24
    assert embedded.about["samples"] == {"de": 12}
    for column, name in enumerate(embedded.columns):
        rows = embedded.queries if name.startswith("query") else embedded.passages
        expected = encoder._encode([row[column] for row in twice.rows])
        expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(rows[embedded.places[:, column]], expected, atol=1e-6)
    # Rows with the same texts are no negatives of each other, whatever groups they came with.
    assert embedded.groups[:6].tolist() == embedded.groups[6:].tolist()
    assert len(set(embedded.groups.tolist())) == 6


def test_an_encoder_that_wants_languages_gets_them() -> None:
    class Wanting(PlantedEncoder):
        wants_languages = True

        def encode_queries(self, texts: Sequence[str], *, languages: Any = None, **rest: Any) -> NDArray[np.float32]:
            assert languages == [text[:2] for text in texts]
            return super().encode_queries(texts, **rest)

        def encode_documents(self, texts: Sequence[str], *, languages: Any = None, **rest: Any) -> NDArray[np.float32]:
            assert languages == [text[:2] for text in texts]
            return super().encode_documents(texts, **rest)

    assert embed_samples(samples(0, 10), Wanting()).dimension == DIMENSION


def test_train_adapter_reads_files(tmp_path: Path) -> None:
    import json

    path = tmp_path / "parallel.jsonl"
    lines = [
        {"id": item.id, "texts": {name: {"query": q, "document": d} for name, (q, d) in item.texts.items()}}
        for item in items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    adapter, history = train_adapter(path, ["de"], PlantedEncoder(), samples=150, **FAST)
    assert adapter.settings["data"]["training"]["samples"] == {"de": 150}
    assert adapter.settings["dev_samples"] == sum(adapter.settings["data"]["dev"]["samples"].values())
    assert history[-1]["dev"] < history[0]["dev"]
    clear, history = train_adapter(
        path, ["de"], PlantedEncoder(), dev_share=0, **(FAST | {"loss": "clear", "epochs": 1})
    )
    assert "dev" not in history[-1]
    assert clear.settings["columns"] == ["query_en", "passage_en", "query_tgt"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "cubic"}, "unknown adapter kind 'cubic'"),
        ({"rank": 0}, "rank is 0, but must be 1 or more"),
        ({"rank": 33}, "rank is 33, but the embeddings have 32 dimensions"),
        ({"hold": -1}, "hold is -1, but must be 0 or more"),
        ({"hold": float("nan")}, "hold is nan"),
        ({"batch_size": 1}, "batch_size is 1, but must be 2 or more"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"loss": "pol"}, "unknown part 'pol'"),
        ({"loss_options": {"sale": 2}}, "unknown option sale of the loss relational; expected scale, weight"),
        (
            {"loss": "pool", "loss_options": {"sale": 2}},
            "unknown option sale of the loss pool; expected parts, weights, scale",
        ),
        ({"loss": "clear"}, "the loss clear takes the columns|ClearLoss got 4 columns"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        fit_adapter(samples(0, 8), PlantedEncoder(), **{**FAST, "epochs": 1, **options})


def test_samples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="the samples are texts, but no encoder was given"):
        fit_adapter(samples(0, 8))
    with pytest.raises(UsageError, match="the loss clear takes the columns query_en, passage_en, query_tgt, but the"):
        fit_adapter(samples(0, 8, layout="alignment"), PlantedEncoder(), loss="clear", **FAST)
    with pytest.raises(UsageError, match="the dev samples have 32 dimensions and the columns query_en, passage_en, pa"):
        fit_adapter(samples(0, 8), PlantedEncoder(), dev=samples(0, 8, layout="alignment"), **FAST)
    two = np.eye(2, dtype=np.float32)
    with pytest.raises(UsageError, match="are empty or their shapes do not match"):
        EmbeddedSamples(("query_en",), two, np.eye(3, dtype=np.float32), np.zeros((1, 1), int), np.zeros(1, int))

    class Short(PlantedEncoder):
        def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return super()._encode(texts)[1:]

    with pytest.raises(EncoderError, match="planted gave 15 embeddings for 16 queries"):
        embed_samples(samples(0, 8, split="all"), Short())


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"learning an adapter needs .*clinometer\[train\]"):
        fit_adapter(samples(0, 8), PlantedEncoder(), **FAST)


def test_the_usual_adapter_learns_relations_alone() -> None:
    adapter, _ = fit_adapter(samples(0, 40), PlantedEncoder(), epochs=1, rank=2)
    usual = adapter.settings["loss"]
    assert (usual["name"], usual["scale"], usual["hold"]) == ("relational", 20.0, 0.0)
    contrastive, _ = fit_adapter(samples(0, 40), PlantedEncoder(), epochs=1, rank=2, loss="pool+mono")
    assert contrastive.settings["loss"]["hold"] == 5.0
    same, _ = fit_adapter(samples(0, 40), PlantedEncoder(), epochs=1, rank=2, loss="upright")
    assert same.digest == adapter.digest
    other, _ = fit_adapter(samples(0, 40), PlantedEncoder(), epochs=1, rank=2, loss_options={"scale": 7.0})
    assert other.settings["loss"]["scale"] == 7.0
