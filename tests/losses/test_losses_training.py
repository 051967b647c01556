"""The losses in the real SentenceTransformerTrainer on a tiny random model: raw vectors, falling losses, GradCache."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from support import tiny_transformer

from clinometer.errors import UsageError
from clinometer.training.batches import hybrid_batch_sampler, hybrid_samples
from clinometer.training.data import prompts_for, samples_from_items

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("accelerate")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from clinometer.losses import (
        ClearLoss,
        CombinedLoss,
        CrossLingualAlignmentLoss,
        DistillationLoss,
        GradCachedLoss,
        LakdaLoss,
        RelationalDistillationLoss,
        SimilarityAlignmentLoss,
        embedding_jsd,
    )
    from clinometer.losses.columns import embed_raw

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore::UserWarning")]

old_host = int(sentence_transformers.__version__.split(".")[0]) < 6


def features(model: Any, texts: list[str]) -> dict[str, Any]:
    return dict(model.preprocess(texts) if hasattr(model, "preprocess") else model.tokenize(texts))


def train(model: Any, loss: Any, dataset: Any, folder: Path, steps: int = 60, **options: Any) -> list[dict[str, float]]:
    args = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=options.pop("batch", 8),
        learning_rate=options.pop("rate", 2e-3),
        logging_steps=5,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=7,
        **options,
    )
    trainer = SentenceTransformerTrainer(model=model, args=args, train_dataset=dataset, loss=loss)
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def test_raw_is_what_normalize_was_given(tiny: Any) -> None:
    given = features(tiny, tiny_transformer.sentences(6))
    keys = set(given)
    raw = embed_raw(tiny, given)
    assert set(given) == keys  # the trainer's features are not changed
    by_hand = dict(given)
    for module in list(tiny.children())[:-1]:
        by_hand = module(by_hand)
    torch.testing.assert_close(raw, by_hand["sentence_embedding"])
    output = tiny(dict(given))["sentence_embedding"]
    torch.testing.assert_close(torch.nn.functional.normalize(raw, dim=1), output)
    assert not torch.allclose(raw, output)
    assert not list(tiny.children())[-1]._forward_pre_hooks  # nothing stays behind


def test_raw_of_a_model_without_normalize_and_of_a_wrapped_one(tiny: Any, tmp_path: Path) -> None:
    bare = tiny_transformer.build(tmp_path, normalize=False)
    given = features(bare, tiny_transformer.sentences(3))
    torch.testing.assert_close(embed_raw(bare, given), bare(dict(given))["sentence_embedding"])

    class Wrapper(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        """As distributed training wraps a model."""

        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module = module

        def forward(self, *arguments: Any) -> Any:
            return self.module(*arguments)

    torch.testing.assert_close(embed_raw(Wrapper(tiny), given), embed_raw(tiny, given))


@pytest.mark.parametrize("normalize", [True, False])
def test_raw_in_a_wrapper_that_keeps_the_beginning_of_embeddings(normalize: bool, tmp_path: Path) -> None:
    model = tiny_transformer.build(tmp_path, normalize=normalize)
    given = features(model, tiny_transformer.sentences(3))
    raw, whole = embed_raw(model, given), model.forward
    model.forward = lambda *arguments: {"sentence_embedding": whole(*arguments)["sentence_embedding"][:, :4]}
    torch.testing.assert_close(embed_raw(model, given), raw[:, :4])


def test_a_wrapper_that_changes_embeddings_is_refused(tiny: Any) -> None:
    given = features(tiny, tiny_transformer.sentences(3))
    whole = tiny.forward
    for change in (lambda rows: rows[:, 4:8], lambda rows: rows[:2], lambda rows: rows.repeat(1, 2)):
        tiny.forward = lambda *arguments, change=change: {
            "sentence_embedding": change(whole(*arguments)["sentence_embedding"])
        }
        with pytest.raises(UsageError, match=r"the raw vectors \(3, 16\), and one is not the beginning of the other"):
            embed_raw(tiny, given)


def test_the_literal_jsd_sees_the_raw_vectors(tiny: Any) -> None:
    columns = [features(tiny, tiny_transformer.sentences(4, language)) for language in ("en", "en", "de")]
    one = CrossLingualAlignmentLoss(tiny, parts="jsd")
    raws = [embed_raw(tiny, column) for column in columns[1:]]
    found = one(columns, None)["jsd"]
    assert found.item() == pytest.approx(embedding_jsd(*raws).item(), rel=1e-5)
    assert found.item() != pytest.approx(embedding_jsd(*raws, read="normalized").item(), rel=0.1)


def test_columns_that_no_part_uses_are_not_embedded(tiny: Any) -> None:
    columns = [features(tiny, tiny_transformer.sentences(4, language)) for language in ("en", "en", "de")]
    calls: list[int] = []
    tiny.register_forward_hook(lambda *_: calls.append(1))
    CrossLingualAlignmentLoss(tiny, parts="nce")(columns, None)
    assert len(calls) == 2


PARTS = ["jsd+nce", "jsd", "nce", "psg", "psg+nce", "pool+sim", "mono+jsd"]


@pytest.mark.parametrize("parts", PARTS)
def test_each_part_falls_in_a_plain_trainer(parts: str, tiny: Any, tmp_path: Path) -> None:
    dataset = samples_from_items(tiny_transformer.items(), ["de", "zh"], dev_share=0).to_dataset()
    log = train(tiny, CrossLingualAlignmentLoss(tiny, parts=parts), dataset, tmp_path)
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    for part in parts.split("+"):
        assert part in log[0]  # each part is logged by its name
    assert sum(log[0][part] for part in parts.split("+")) == pytest.approx(log[0]["loss"], abs=2e-3)


@pytest.mark.parametrize("name", ["clear", "lakda", "similarity", "distillation", "relational", "combined"])
def test_the_other_losses_fall_too(name: str, tiny: Any, tmp_path: Path) -> None:
    layout: Any = "clear" if name in ("clear", "lakda") else "alignment+query"
    dataset = samples_from_items(tiny_transformer.items(), ["de", "zh"], dev_share=0, layout=layout).to_dataset()
    makers: dict[str, Any] = {
        "clear": lambda: ClearLoss(tiny),
        "lakda": lambda: LakdaLoss(tiny),
        "similarity": lambda: SimilarityAlignmentLoss(tiny, fixed_pivot=True),
        "distillation": lambda: DistillationLoss(tiny, target="pivot", over_dimensions="sum"),
        "relational": lambda: RelationalDistillationLoss(tiny, scale=5.0),
        "combined": lambda: CombinedLoss(
            tiny, {"a": CrossLingualAlignmentLoss(tiny), "hold": DistillationLoss(tiny, over_dimensions="sum")}
        ),
    }
    loss = makers[name]()
    log = train(tiny, loss, dataset, tmp_path)
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    if name == "combined":
        assert {"a_jsd", "a_nce", "hold_distillation"} <= set(log[0])
        frozen = dict(loss.losses["hold"].teacher.named_parameters())
        before = dict(tiny_transformer.build(tmp_path / "again").named_parameters())
        assert all(torch.equal(frozen[key], before[key]) for key in before)
        assert not loss.losses["hold"].teacher.training
        assert not any(p.requires_grad for p in loss.losses["hold"].teacher.parameters())
        assert loss.losses["hold"].model is tiny


def test_self_distillation_starts_at_zero(tiny: Any) -> None:
    columns = [features(tiny, tiny_transformer.sentences(4, language)) for language in ("en", "de")]
    tiny.eval()
    assert DistillationLoss(tiny)(columns, None)["distillation"].item() == 0
    pulled = DistillationLoss(tiny, target="pivot")([columns[0], columns[0], columns[1]], None)["distillation"]
    assert pulled.item() > 0


def test_a_teacher_with_another_tokenizer_is_refused(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_transformer, "WORDS", tiny_transformer.WORDS[:-1])
    other = tiny_transformer.build(tmp_path)
    with pytest.raises(UsageError, match="teacher and student have different tokenizers"):
        DistillationLoss(tiny, other)


def gradients(model: Any, loss: Any, columns: list[Any], labels: Any) -> tuple[dict[str, float], dict[str, Any]]:
    model.zero_grad()
    torch.manual_seed(11)
    parts = loss(columns, labels)
    torch.stack(list(parts.values())).sum().backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {name: float(value.detach()) for name, value in parts.items()}, found


@pytest.mark.skipif(old_host, reason="CachedLossMixin came with sentence-transformers 6")
@pytest.mark.parametrize("parts", ["jsd+nce", "nce", "pool+sim", "a teacher's", "several"])
def test_gradcache_has_the_value_and_the_gradients_of_the_whole_batch(parts: str, tiny: Any) -> None:
    plain: Any = None
    if parts == "a teacher's":
        plain = RelationalDistillationLoss(tiny, scale=5.0)
    elif parts == "several":
        rows = RelationalDistillationLoss(tiny, scale=5.0)
        plain = CombinedLoss(
            tiny, {"hold": DistillationLoss(tiny), "nce": CrossLingualAlignmentLoss(tiny), "rows": rows}
        )
    if plain is not None:  # away from the teacher, or the gradients of the rows would be near 0
        with torch.no_grad():
            for value in tiny.parameters():
                value.mul_(1.3)
    tiny.train()
    columns = [features(tiny, tiny_transformer.sentences(7, language)) for language in ("en", "en", "de")]
    labels = torch.tensor([0, 0, 1, 2, 3, 4, 5])
    plain = plain or CrossLingualAlignmentLoss(tiny, parts=parts)
    value, whole = gradients(tiny, plain, columns, labels)
    cached_value, cached = gradients(tiny, GradCachedLoss(plain, mini_batch_size=3), columns, labels)
    assert cached_value == pytest.approx(value, rel=1e-4)
    assert set(cached) == set(whole)
    for name in whole:
        torch.testing.assert_close(cached[name], whole[name], rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        quiet = GradCachedLoss(plain, mini_batch_size=3)(columns, labels)
    assert sum(v.item() for v in quiet.values()) == pytest.approx(sum(value.values()), rel=1e-4)


@pytest.mark.skipif(old_host, reason="CachedLossMixin came with sentence-transformers 6")
def test_gradcache_trains_and_logs_its_parts(tiny: Any, tmp_path: Path) -> None:
    dataset = samples_from_items(tiny_transformer.items(), ["de"], dev_share=0).to_dataset()
    loss = GradCachedLoss(CrossLingualAlignmentLoss(tiny), mini_batch_size=5)
    log = train(tiny, loss, dataset, tmp_path, steps=10, batch=16)
    assert log[-1]["loss"] < log[0]["loss"]
    assert {"jsd", "nce"} <= set(log[0])
    assert loss.get_config_dict()["mini_batch_size"] == 5
    assert "2604.05684" in loss.citation


@pytest.mark.skipif(old_host, reason="CachedLossMixin came with sentence-transformers 6")
def test_gradcache_refuses_what_it_cannot_cache(tiny: Any) -> None:
    with pytest.raises(UsageError, match="cannot cache a Linear; give it a loss of clinometer"):
        GradCachedLoss(torch.nn.Linear(2, 2))
    with pytest.raises(UsageError, match="mini_batch_size is 0"):
        GradCachedLoss(CrossLingualAlignmentLoss(tiny), mini_batch_size=0)


@pytest.mark.skipif(not old_host, reason="only before sentence-transformers 6")
def test_gradcache_names_the_version_it_needs(tiny: Any) -> None:
    with pytest.raises(UsageError, match="GradCache needs sentence-transformers 6 or newer, but 5"):
        GradCachedLoss(CrossLingualAlignmentLoss(tiny))


def test_hybrid_batches_each_of_one_dataset(tiny: Any, tmp_path: Path) -> None:
    found = hybrid_samples(tiny_transformer.items(40), ["de", "zh"], dev_share=0)
    assert list(found) == ["mono-en", "mono-de", "mono-zh", "cross-de", "cross-zh"]
    dataset = datasets.DatasetDict({name: samples.to_dataset() for name, samples in found.items()})
    loss = {
        name: MultipleNegativesRankingLoss(tiny) if name.startswith("mono-") else CrossLingualAlignmentLoss(tiny)
        for name in found
    }
    args = {"multi_dataset_batch_sampler": hybrid_batch_sampler(list(found), alpha=0.5)}
    # 2 x 5 cross-lingual batches of 8 limit an epoch to 20 batches, half of them monolingual.
    log = train(tiny, loss, dataset, tmp_path, steps=20, **args)
    assert log[-1]["epoch"] == pytest.approx(1.0)
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_sampler_keeps_its_promise_and_repeats_itself() -> None:
    found = hybrid_samples(tiny_transformer.items(40), ["de", "zh"], dev_share=0)
    parts = [samples.to_dataset() for samples in found.values()]
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from torch.utils.data import ConcatDataset, SequentialSampler

    def made(alpha: float) -> Any:
        samplers = [DefaultBatchSampler(SequentialSampler(part), batch_size=8, drop_last=False) for part in parts]
        return hybrid_batch_sampler(list(found), alpha)(ConcatDataset(parts), batch_samplers=samplers, seed=3)

    sampler = made(0.25)
    batches = list(sampler)
    # 10 cross-lingual batches are three quarters of an epoch: 13 in all, 3 of them monolingual.
    assert len(batches) == len(sampler) == 13
    kinds = [{row // 40 for row in one} for one in batches]
    assert all(len(kind) == 1 for kind in kinds)
    assert sum(kind <= {0, 1, 2} for kind in kinds) == 3
    assert list(made(0.25)) == batches
    sampler.set_epoch(1)
    assert list(sampler) != batches
    with pytest.raises(UsageError, match="5 datasets for the 1 names de"):
        hybrid_batch_sampler(["de"])(ConcatDataset(parts), batch_samplers=[None] * 5)


def test_prompts_reach_the_columns(tiny: Any, tmp_path: Path) -> None:
    dataset = samples_from_items(tiny_transformer.items(), ["de"], dev_share=0).to_dataset()
    assert dataset.column_names == ["query_en", "passage_en", "passage_tgt", "label"]
    prompts = prompts_for(dataset.column_names, "en0 ", "de0 ")
    plain = train(tiny, CrossLingualAlignmentLoss(tiny), dataset, tmp_path / "a", steps=5, rate=0.0)
    prompted = train(tiny, CrossLingualAlignmentLoss(tiny), dataset, tmp_path / "b", steps=5, rate=0.0, prompts=prompts)
    assert plain[0]["loss"] != prompted[0]["loss"]
