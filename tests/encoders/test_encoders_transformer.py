"""The real sentence-transformers on a tiny random model that the test builds: order, prompts, limits, errors."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import foreign_warnings

import clinometer as cm
from clinometer.encoders import Encoder, SentenceTransformerEncoder, encoder
from clinometer.errors import EncoderError, UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what torch and its friends say at import is theirs
    sentence_transformers = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    tokenizers = pytest.importorskip("tokenizers")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.models

WORDS = [
    "query",
    "passage",
    ":",
    "a",
    "river",
    "runs",
    "to",
    "the",
    "sea",
    "der",
    "fluss",
    "ins",
    "meer",
    "河",
    "流",
    "海",
]
DIMENSION = 16


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with foreign_warnings.ignored(DeprecationWarning, FutureWarning):
        yield


def build(folder: Path, *, prompts: dict[str, str] | None = None, normalize: bool = False, seed: int = 0) -> Path:
    """A two-layer BERT with random weights and one token for each word, saved as a sentence-transformers model."""
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    bare = folder.parent / f"{folder.name}-bare"
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=32,
    ).save_pretrained(bare)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    transformers.BertModel(config).save_pretrained(bare)
    stack = [modules.Transformer(str(bare)), modules.Pooling(DIMENSION, "mean")]
    stack += [modules.Normalize()] if normalize else []
    sentence_transformers.SentenceTransformer(modules=stack, prompts=prompts, device="cpu").save(str(folder))
    if prompts is not None:
        stored = folder / "config_sentence_transformers.json"
        stored.write_text(json.dumps({**json.loads(stored.read_text()), "prompts": prompts}))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "plain")


def load(folder: Path, **options: Any) -> SentenceTransformerEncoder:
    made = encoder(folder, device="cpu", **options)
    assert isinstance(made, SentenceTransformerEncoder)
    return made


def some_texts(count: int) -> list[str]:
    choose = random.Random(3)
    return [" ".join(choose.choices(WORDS[3:], k=choose.randint(1, 20))) for _ in range(count)]


def test_record(plain: Path, tmp_path: Path) -> None:
    made = load(plain)
    assert isinstance(made, Encoder)
    record = made.record
    assert (record.name, record.kind, record.dimension) == ("plain", "sentence-transformers", DIMENSION)
    assert (record.query_prompt, record.document_prompt, record.max_length) == ("", "", 32)
    assert (record.dtype, record.normalized, record.warnings) == ("float32", False, [])
    assert record.revision.startswith("sha256:")
    assert load(plain).record == record
    other = load(build(tmp_path / "plain", normalize=True, seed=1)).record
    assert other.revision != record.revision
    assert other.normalized


def test_an_object_has_the_digest_of_the_weights_that_it_holds_now(plain: Path) -> None:
    model = sentence_transformers.SentenceTransformer(str(plain), device="cpu")
    first = encoder(model).record
    assert first.name == "plain"
    assert first.revision.startswith("weights-sha256:")
    assert encoder(model).record.revision == first.revision
    with torch.no_grad():
        next(model.parameters()).add_(1)
    assert encoder(model).record.revision != first.revision


def test_rows_are_float32_in_the_order_of_the_texts_whatever_the_batches(plain: Path) -> None:
    texts = some_texts(40)
    rows = load(plain, batch_size=4).encode_documents(texts)
    assert rows.shape == (40, DIMENSION)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    one = load(plain)
    alone = np.concatenate([one.encode_documents([text]) for text in texts])
    np.testing.assert_allclose(rows, alone, atol=1e-5)
    gaps = np.abs(alone[:, None] - alone[None]).max(axis=2) + np.eye(40)
    assert gaps.min() > 1e-3  # texts differ by more than the tolerance, so a wrong order would show
    assert not np.allclose(np.linalg.norm(rows, axis=1), 1)  # nothing was normalised by us


def test_the_same_list_gives_the_same_bytes_and_duplicates_tie(plain: Path) -> None:
    texts = [*some_texts(30), *some_texts(30)]
    made = load(plain, batch_size=4)
    rows = made.encode_documents(texts)
    assert rows[:30].tobytes() == rows[30:].tobytes()
    assert load(plain, batch_size=4).encode_documents(texts).tobytes() == rows.tobytes()


def test_no_gradient_and_no_dropout(plain: Path) -> None:
    model = sentence_transformers.SentenceTransformer(str(plain), device="cpu").train()
    made = encoder(model)
    first = made.encode_documents(["a river"])
    model.train()
    assert made.encode_documents(["a river"]).tobytes() == first.tobytes()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("key", ["document", "passage", "corpus"])
def test_the_models_own_prompts_are_applied(key: str, plain: Path, tmp_path: Path) -> None:
    prompted = load(build(tmp_path / "prompted", prompts={"query": "query : ", key: "passage : "}))
    assert (prompted.record.query_prompt, prompted.record.document_prompt) == ("query : ", "passage : ")
    bare = load(plain)
    for side, prompt in (("encode_queries", "query : "), ("encode_documents", "passage : ")):
        rows = getattr(prompted, side)(["a river", "the sea"])
        by_hand = bare.encode_documents([f"{prompt}a river", f"{prompt}the sea"])
        np.testing.assert_allclose(rows, by_hand, atol=1e-6)
        assert not np.allclose(rows, bare.encode_documents(["a river", "the sea"]), atol=1e-3)


def test_a_given_prompt_replaces_the_models_own_and_an_empty_one_removes_it(plain: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "prompted", prompts={"query": "query : ", "document": "passage : "})
    made, bare = load(folder, query_prompt="der ", document_prompt=""), load(plain)
    np.testing.assert_allclose(made.encode_queries(["fluss"]), bare.encode_queries(["der fluss"]), atol=1e-6)
    np.testing.assert_allclose(made.encode_documents(["fluss"]), bare.encode_documents(["fluss"]), atol=1e-6)


def test_a_known_family_by_its_folder_is_warned_about(tmp_path: Path) -> None:
    folder = build(tmp_path / "multilingual-e5-tiny")
    with pytest.warns(UserWarning, match="multilingual-e5-tiny looks like a model of the family E5"):
        made = load(folder)
    assert len(made.record.warnings) == 1
    assert load(folder, query_prompt="query: ", document_prompt="passage: ").record.warnings == []


def test_cut_texts_are_counted_and_the_limit_holds_for_the_call_only(plain: Path) -> None:
    model = sentence_transformers.SentenceTransformer(str(plain), device="cpu")
    made = encoder(model, max_length=5)  # two special tokens leave three words
    rows = made.encode_documents(["a river runs", "a river runs to", "a river runs der"])
    assert made.record.warnings == ["2 of 3 documents so far were cut: longer than 5 tokens"]
    np.testing.assert_allclose(rows[1], rows[0], atol=1e-6)
    assert model.max_seq_length == 32
    assert not np.allclose(encoder(model).encode_documents(["a river runs to"]), rows[:1], atol=1e-3)


def test_a_limit_beyond_the_models_positions_gives_one_sentence(plain: Path) -> None:
    with pytest.raises(EncoderError, match=r"^the model failed on the documents .*lower max_length$"):
        load(plain, max_length=64).encode_documents(["river " * 60])


def test_half_precision_comes_out_as_float32(plain: Path) -> None:
    model = sentence_transformers.SentenceTransformer(str(plain), device="cpu").to(torch.bfloat16)
    made = encoder(model)
    assert made.record.dtype == "bfloat16"
    assert made.encode_queries(["a river"]).dtype == np.float32


def test_bfloat16_is_nearly_the_same_said_in_the_record_and_for_the_call_only(plain: Path) -> None:
    whole, short = load(plain), load(plain, precision="bfloat16")
    texts = some_texts(20)
    exact, rough = whole.encode_documents(texts), short.encode_documents(texts)
    assert rough.dtype == np.float32
    assert not np.array_equal(exact, rough)
    np.testing.assert_allclose(rough, exact, atol=0.05)
    assert (whole.record.dtype, short.record.dtype) == ("float32", "bfloat16")
    assert np.array_equal(whole.encode_documents(texts), exact)
    with pytest.raises(UsageError, match="unknown precision 'float8' for encoding; use bfloat16 or leave it out"):
        load(plain, precision="float8")


def test_a_transformer_without_pooling_is_used_and_said(plain: Path) -> None:
    with pytest.warns(UserWarning, match="plain-bare has no pooling, so sentence-transformers chose one"):
        made = load(plain.parent / "plain-bare")
    np.testing.assert_allclose(
        made.encode_documents(["a river"]), load(plain).encode_documents(["a river"]), atol=1e-6
    )  # it chooses the mean


def test_an_empty_text_and_no_texts(plain: Path) -> None:
    made = load(plain)
    assert made.encode_documents([]).shape == (0, DIMENSION)
    assert np.isfinite(made.encode_documents(["", "a river"])).all()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"the model folder .*absent does not exist"):
        encoder(tmp_path / "absent")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"cannot be loaded by sentence-transformers .*holds a saved model$"):
        encoder(tmp_path)


def test_a_name_that_is_not_in_the_cache_and_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    with pytest.raises(EncoderError, match=r"^owner/absent is neither a folder nor a downl.*offline mode") as caught:
        encoder("owner/absent")
    assert "\n" not in str(caught.value)


def test_the_similarity_and_the_dimensions_are_the_models_own(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dot"
    shutil.copytree(plain, folder)
    stored = folder / "config_sentence_transformers.json"
    stored.write_text(json.dumps({**json.loads(stored.read_text()), "similarity_fn_name": "dot"}))
    made = load(folder)
    assert (made.record.similarity, load(plain).record.similarity) == ("dot", "cosine")
    collection = cm.load("demo", languages=["en", "de"])
    options: dict[str, Any] = {"scenarios": ["multi"], "measures": ["MaxR"], "resamples": 0}
    evaluation = cm.evaluate(collection, made, **options)
    assert evaluation.settings["similarity"] == "dot"
    rows = made.encode_queries(collection.queries.texts), made.encode_documents(collection.documents.texts)
    by_hand = cm.rank_relevant(*rows, collection.relevant(), similarity="dot")
    asked = np.repeat(rows[0], np.diff(by_hand.indptr), axis=0)
    np.testing.assert_allclose(by_hand.scores, np.einsum("nd,nd->n", asked, rows[1][by_hand.documents]), rtol=1e-5)
    short = cm.encoder(folder, device="cpu", truncate_dim=5)
    assert short.record.dimension == 5
    theirs = sentence_transformers.SentenceTransformer(str(folder), truncate_dim=5, device="cpu")
    expected = theirs.encode(["a river", "das meer"], prompt="")
    np.testing.assert_allclose(short.encode_queries(["a river", "das meer"]), expected, rtol=1e-5, atol=1e-6)
    loaded = cm.encoder(theirs)
    assert loaded.record.dimension == 5
