"""Prompts, limits and records of sentence-transformers models, with stand-ins that need no torch."""

from __future__ import annotations

import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.encoders import ChangedEncoder, SentenceTransformerEncoder, encoder
from clinometer.encoders.base import recounted
from clinometer.encoders.families import family_of
from clinometer.encoders.revisions import folder_digest
from clinometer.errors import EncoderError, UsageError


class Plain:
    """A model with `encode` only; an embedding is (length with prompt, first character, row in the call)."""

    max_seq_length: float | None = None

    def __init__(self, name: str = "owner/plain", prompts: dict[str, str] | None = None) -> None:
        self.prompts = prompts or {}
        self.config = types.SimpleNamespace(_name_or_path=name)
        self.calls: list[tuple[str, list[str], dict[str, Any]]] = []

    def encode(self, texts: list[str], *, prompt: str, **options: Any) -> NDArray[np.float64]:
        return self._embed("encode", texts, prompt, options)

    def _embed(self, method: str, texts: list[str], prompt: str, options: dict[str, Any]) -> NDArray[np.float64]:
        self.calls.append((method, [prompt + text for text in texts], {**options, "limit": self.max_seq_length}))
        return np.array([[len(prompt + text), ord((text or " ")[0]), row] for row, text in enumerate(texts)])


class Two(Plain):
    """A model that encodes queries and documents by methods of their own."""

    def encode_query(self, texts: list[str], *, prompt: str, **options: Any) -> NDArray[np.float64]:
        return self._embed("encode_query", texts, prompt, options)

    def encode_document(self, texts: list[str], *, prompt: str, **options: Any) -> NDArray[np.float64]:
        return self._embed("encode_document", texts, prompt, options)


class Cutting(Two):
    """A model of four tokens at most, one token for each word and one special token."""

    max_seq_length = 4

    def tokenizer(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
        assert options["truncation"] is False
        return {"input_ids": [[0] * (len(text.split()) + 1) for text in texts]}


@pytest.mark.parametrize(("kind", "methods"), [(Plain, ["encode"] * 2), (Two, ["encode_query", "encode_document"])])
def test_the_models_own_methods_are_used(
    kind: type[Plain], methods: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    model = kind()
    made = SentenceTransformerEncoder(model, batch_size=7)
    model.calls.clear()
    assert made.encode_queries(["q"]).dtype == np.float32
    made.encode_documents(["d"], show_progress_bar=True)
    # Its bar can only be redrawn, and this is not a terminal.
    assert capsys.readouterr().err.startswith("documents: 1 of 1 texts, ")
    assert [call[0] for call in model.calls] == methods
    assert [call[2]["show_progress_bar"] for call in model.calls] == [False, False]
    assert all(call[2]["batch_size"] == 7 and call[2]["normalize_embeddings"] is False for call in model.calls)


@pytest.mark.parametrize(
    ("own", "query_prompt", "document_prompt", "query", "document"),
    [
        ({}, None, None, "", ""),
        ({}, "Q ", "D ", "Q ", "D "),
        ({"query": "q: ", "passage": "p: "}, None, None, "q: ", "p: "),
        ({"query": "q: ", "passage": "p: "}, "Q ", "D ", "Q ", "D "),
        ({"query": "q: ", "passage": "p: "}, "", "", "", ""),
        ({"query": "", "document": "", "passage": "p: "}, None, None, "", "p: "),
        ({"query": "q: ", "document": "d: ", "corpus": "c: "}, None, None, "q: ", "d: "),
        ({"corpus": "c: ", "clustering": "x: "}, None, None, "", "c: "),
        ({"search_query": "s: ", "search_document": "t: "}, None, None, "s: ", "t: "),
        ({"sts_query": "x: ", "web_search_query": "w: "}, None, None, "w: ", ""),
    ],
)
def test_the_callers_prompt_goes_before_the_models_own(
    own: dict[str, str], query_prompt: str | None, document_prompt: str | None, query: str, document: str
) -> None:
    model = Two(prompts=own)
    made = SentenceTransformerEncoder(model, query_prompt=query_prompt, document_prompt=document_prompt)
    assert (made.record.query_prompt, made.record.document_prompt) == (query, document)
    made.encode_queries(["text"])
    made.encode_documents(["text"])
    assert [call[1] for call in model.calls[-2:]] == [[f"{query}text"], [f"{document}text"]]
    assert made.record.warnings == []


E5 = "owner/multilingual-e5-base-tuned"


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, "give query_prompt='query: ' and document_prompt='passage: ', or an empty string"),
        ({"query_prompt": "query: "}, "give document_prompt='passage: ', or an empty string"),
        ({"document_prompt": ""}, "give query_prompt='query: ', or an empty string"),
    ],
)
def test_a_known_family_without_its_prompt_is_warned_about_once(given: dict[str, str], options: str) -> None:
    with pytest.warns(UserWarning, match="family E5") as caught:
        made = SentenceTransformerEncoder(Two(E5), **given)  # type: ignore[arg-type]
    assert len(caught) == 1
    assert made.record.warnings == [str(caught[0].message)]
    assert options in made.record.warnings[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.encode_queries(["a"])


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({"query": "query: ", "passage": "passage: "}, {}),
        ({}, {"query_prompt": "query: ", "document_prompt": "passage: "}),
        ({}, {"query_prompt": "", "document_prompt": ""}),
        ({"query": "anything "}, {"document_prompt": "anything "}),
    ],
)
def test_no_warning_where_a_prompt_is_in_force_or_left_out_on_purpose(
    own: dict[str, str], given: dict[str, str]
) -> None:
    assert SentenceTransformerEncoder(Two(E5, own), **given).record.warnings == []  # type: ignore[arg-type]


WEB_SEARCH = "Given a web search query, retrieve relevant passages that answer the query"


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("intfloat/e5-small-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("runs/my_e5_de/", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large-instruct", "Instruct: ", ""),
        ("nomic-ai/nomic-embed-text-v2-moe", "search_query: ", "search_document: "),
        ("BAAI/bge-base-en-v1.5", "Represent this sentence", ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "query: ", ""),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", "Represent this sentence", ""),
        ("Qwen/Qwen3-Embedding-0.6B", f"Instruct: {WEB_SEARCH}\nQuery:", ""),
        ("Alibaba-NLP/gte-Qwen2-7B-instruct", f"Instruct: {WEB_SEARCH}\nQuery: ", ""),
        ("intfloat/e5-mistral-7b-instruct", f"Instruct: {WEB_SEARCH}\nQuery: ", ""),
        ("Salesforce/SFR-Embedding-2_R", f"Instruct: {WEB_SEARCH}\nQuery: ", ""),
        ("Salesforce/SFR-Embedding-Mistral", f"Instruct: {WEB_SEARCH}\nQuery: ", ""),
        ("BAAI/bge-multilingual-gemma2", f"<instruct>{WEB_SEARCH}.\n<query>", ""),
        ("nvidia/NV-Embed-v2", "Instruct: Given a question, retrieve passages that answer the question\nQuery: ", ""),
        ("HIT-TMG/KaLM-embedding-multilingual-mini-instruct-v2.5", "Instruct: Given a query, retrieve", ""),
        ("tencent/KaLM-Embedding-Gemma3-12B-2511", "Instruct: Given a query, retrieve", ""),
        ("google/embeddinggemma-300m", "task: search result | query: ", "title: none | text: "),
        ("OrdalieTech/Solon-embeddings-large-0.1", "query : ", ""),
        ("ai-forever/FRIDA", "search_query: ", "search_document: "),
        ("jinaai/jina-embeddings-v3", "Represent the query for", "Represent the document for retrieval: "),
        ("jinaai/jina-embeddings-v4", "Query: ", "Passage: "),
    ],
)
def test_families(name: str, query: str, document: str) -> None:
    family = family_of(["final", name])
    assert family is not None
    assert family.query.startswith(query)
    assert family.document == document


@pytest.mark.parametrize(
    "name",
    [
        *("BAAI/bge-m3", "Alibaba-NLP/gte-multilingual-base", "sentence-transformers/LaBSE", "e5/x", "ae5b", ""),
        *("nvidia/llama-nv-embedqa-1b", "Salesforce/SFR-Embedding-Code-400M_R", "jinaai/jina-embeddings-v2-base-de"),
        *("OrdalieTech/Solon-embeddings-mini-beta-1.1", "kahlo-frida2"),
    ],
)
def test_no_family(name: str) -> None:
    assert family_of([name]) is None


def test_rows_are_in_the_order_of_the_texts_and_duplicates_are_encoded_once() -> None:
    model = Two()
    rows = SentenceTransformerEncoder(model).encode_documents(["b", "aaa", "b", "", "aaa"])
    assert rows[:, 0].tolist() == [1, 3, 1, 0, 3]
    assert rows[0].tobytes() == rows[2].tobytes()
    assert model.calls[-1][1] == ["b", "aaa", ""]


def test_no_texts_give_no_rows() -> None:
    assert SentenceTransformerEncoder(Two()).encode_queries([]).shape == (0, 3)


def test_record_of_an_object() -> None:
    record = SentenceTransformerEncoder(Two("owner/name")).record
    assert (record.name, record.kind, record.revision) == ("owner/name", "sentence-transformers", "")
    assert (record.dimension, record.dtype, record.max_length, record.normalized) == (3, "float32", None, False)


def test_the_name_of_an_object_is_no_absolute_path(tmp_path: Path) -> None:
    assert SentenceTransformerEncoder(Two(str(tmp_path / "run" / "last"))).record.name == "last"


def test_dtype_and_normalisation_are_read_from_the_model() -> None:
    model: Any = Two()
    model.dtype = "torch.bfloat16"
    model.children = lambda: [object(), type("Normalize", (), {})()]
    record = SentenceTransformerEncoder(model).record
    assert (record.dtype, record.normalized) == ("bfloat16", True)


def test_a_model_for_another_similarity_is_warned_about() -> None:
    model: Any = Two()
    model.similarity_fn_name = "euclidean"
    with pytest.warns(UserWarning, match="configured for euclidean scores; clinometer scores it by cosine"):
        made = SentenceTransformerEncoder(model)
    assert len(made.record.warnings) == 1
    assert made.record.similarity == ""


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_the_similarity_of_the_model_is_in_its_record(similarity: str) -> None:
    model: Any = Two()
    assert SentenceTransformerEncoder(model).record.similarity == "cosine"
    model.similarity_fn_name = similarity
    made = SentenceTransformerEncoder(model)
    assert (made.record.similarity, made.record.warnings) == (similarity, [])


@pytest.mark.parametrize("length", [float("inf"), 10**30])
def test_an_absent_limit_is_none(length: float) -> None:
    model = Two()
    model.max_seq_length = length
    assert SentenceTransformerEncoder(model).record.max_length is None


def test_cut_texts_are_counted_with_prompt_and_special_tokens() -> None:
    made = SentenceTransformerEncoder(Cutting(), document_prompt="p ")
    assert made.record.max_length == 4
    assert made.record.warnings == []
    made.encode_documents(["one two", "one two three"])
    made.encode_queries(["one two three"])
    assert made.record.warnings == ["1 of 2 documents so far were cut: longer than 4 tokens"]
    made.encode_documents(["one two three"])
    assert made.record.warnings == ["2 of 3 documents so far were cut: longer than 4 tokens"]
    for again in (recounted(made), recounted(ChangedEncoder(made, similarity="dot"))):
        assert again.record.warnings == []
        again.encode_documents(["one two three"])
        assert again.record.warnings == ["1 of 1 documents so far were cut: longer than 4 tokens"]
        assert again.record.document_prompt == "p "
    assert made.record.warnings == ["2 of 3 documents so far were cut: longer than 4 tokens"]


def test_a_limit_without_a_tokenizer_is_said() -> None:
    model = Two()
    model.max_seq_length = 16
    assert "their number is unknown" in SentenceTransformerEncoder(model).record.warnings[0]


def test_max_length_is_set_for_the_call_only() -> None:
    model = Cutting()
    made = SentenceTransformerEncoder(model, max_length=2)
    made.encode_queries(["a b"])
    assert made.record.max_length == model.calls[-1][2]["limit"] == 2
    assert model.max_seq_length == 4
    assert made.record.warnings == ["1 of 1 queries so far were cut: longer than 2 tokens"]


@pytest.mark.parametrize("option", ["batch_size", "max_length"])
def test_numbers_must_be_positive(option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} must be 1 or more, not 0$"):
        SentenceTransformerEncoder(Two(), **{option: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(("option", "value"), [("device", "cpu"), ("revision", "main"), ("trust_remote_code", True)])
def test_options_for_loading_are_refused_for_an_object(option: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"^{option} is for a model name or folder"):
        encoder(Two(), **{option: value})  # type: ignore[arg-type]


def test_a_model_object_goes_through_the_factory() -> None:
    made = encoder(Two(), query_prompt="Q ", batch_size=3)
    assert isinstance(made, SentenceTransformerEncoder)
    assert made.record.query_prompt == "Q "


def test_a_failing_model_gives_one_sentence() -> None:
    model: Any = Two()
    made = SentenceTransformerEncoder(model)

    def fail(texts: list[str], **_: Any) -> None:
        raise RuntimeError("out of memory:\nmany lines")

    model.encode_query = fail
    with pytest.raises(EncoderError, match=r"^the model failed on the queries \(out of memory\); .*lower batch_size"):
        made.encode_queries(["a"])


def test_something_else_than_one_vector_per_text_is_refused() -> None:
    model: Any = Two()
    made = SentenceTransformerEncoder(model)
    model.encode_document = lambda texts, **_: np.ones((len(texts), 2, 3))
    with pytest.raises(EncoderError, match=r"returned embeddings of shape \(1, 2, 3\) for 1 documents, not \(1, 3\)"):
        made.encode_documents(["a"])


class Loader:
    """Stands in for the package and for a hub that answers, and remembers how models were asked for."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None, no_network: Exception | None = None
    ) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.error, self.no_network = error, no_network
        module: Any = types.ModuleType("sentence_transformers")
        module.SentenceTransformer = self
        hub: Any = types.ModuleType("huggingface_hub")
        hub.try_to_load_from_cache = self.cached
        hub.get_session = lambda: self
        hub.constants = types.SimpleNamespace(ENDPOINT="https://hub.example", HF_HUB_CACHE="/nonexistent")
        monkeypatch.setitem(sys.modules, "sentence_transformers", module)
        monkeypatch.setitem(sys.modules, "huggingface_hub", hub)

    def __call__(self, name: str, **options: Any) -> Two:
        self.asked.append((name, options))
        if self.error:
            raise self.error
        return Two(name)

    def head(self, url: str, *, timeout: float) -> int:
        assert url == "https://hub.example"
        assert 0 < timeout < 10
        if self.no_network:
            raise self.no_network
        return 404

    def cached(self, repository: str, file: str, **options: Any) -> str | None:
        if repository.startswith("-"):
            raise ValueError("not a name")
        known = repository == "owner/known" and options["revision"] in (None, "main")
        return f"/cache/models--owner--known/snapshots/{'a1' * 20}/{file}" if known else None


def test_loading_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(monkeypatch)
    made = encoder("owner/known", device="cpu", revision="main")
    assert loader.asked == [("owner/known", {"device": "cpu", "revision": "main", "trust_remote_code": False})]
    assert (made.record.name, made.record.revision) == ("owner/known", "a1" * 20)
    assert encoder("owner/known", trust_remote_code=True).record.revision == "a1" * 20
    assert loader.asked[-1][1]["trust_remote_code"] is True


@pytest.mark.parametrize(("revision", "recorded"), [(None, ""), ("v2", "v2"), ("b2" * 20, "b2" * 20)])
def test_a_revision_that_is_not_in_the_cache(
    revision: str | None, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Loader(monkeypatch)
    assert encoder("owner/unknown", revision=revision).record.revision == recorded


def test_a_name_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    Loader(monkeypatch, OSError("no connection.\nand a long story"))
    with pytest.raises(EncoderError) as caught:
        encoder("owner/model")
    assert str(caught.value) == (
        "owner/model cannot be loaded by sentence-transformers (no connection); "
        "check the name, the revision and the network, or give a folder"
    )
    with pytest.raises(EncoderError, match=r"or give a folder; did you mean intfloat/multilingual-e5-small\?$"):
        encoder("intfloat/multilingual-e5-smal")


def test_without_a_network_only_what_is_downloaded_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(monkeypatch, no_network=OSError("no route to the host"))
    with pytest.raises(EncoderError) as caught:
        encoder("intfloat/multilingual-e5-smal")
    assert str(caught.value) == (
        "intfloat/multilingual-e5-smal is neither a folder nor a downloaded model, and the hub cannot be reached (no "
        "route to the host); check the name and the network, or give a folder; did you mean "
        "intfloat/multilingual-e5-small?"
    )
    with pytest.raises(EncoderError, match=r"nor a downloaded model at revision v2, and the hub"):
        encoder("owner/known", revision="v2")
    assert loader.asked == []  # its retries take more than a minute
    assert encoder("owner/known").record.revision == "a1" * 20
    assert loader.asked[-1][1]["local_files_only"] is True


@pytest.mark.parametrize("name", ["-x", "-" * 5000, "-\x1b[31m"])
def test_what_cannot_be_a_name_is_one_short_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(monkeypatch, no_network=OSError("no route"))
    with pytest.raises(EncoderError, match="is not a folder, and cannot be the name of a model on the hub") as caught:
        encoder(name)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert loader.asked == []


def test_loading_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(monkeypatch)
    folder = tmp_path / "multilingual-e5-small" / "final"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with pytest.warns(UserWarning, match="final looks like a model of the family E5"):
        made = encoder(folder)
    assert loader.asked[0][0] == str(folder)
    assert (made.record.name, made.record.revision) == ("final", folder_digest(folder))
    assert str(tmp_path) not in repr(made.record)
    with pytest.raises(UsageError, match=r"^revision is for models on the hub"):
        encoder(str(folder), revision="main")


def test_a_folder_of_the_hubs_cache_keeps_its_name_and_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Loader(monkeypatch)
    folder = tmp_path / "models--owner--name" / "snapshots" / ("0c" * 20)
    folder.mkdir(parents=True)
    record = encoder(folder).record
    assert (record.name, record.revision) == ("owner/name", "0c" * 20)


def test_the_digest_of_a_folder_follows_what_decides_an_embedding(tmp_path: Path) -> None:
    (tmp_path / "pooling").mkdir()
    (tmp_path / "pooling" / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = folder_digest(tmp_path)
    assert first == folder_digest(tmp_path)
    assert len(first) == len("sha256:") + 16
    (tmp_path / "README.md").write_text("a card")
    assert folder_digest(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    second = folder_digest(tmp_path)
    assert second != first
    (tmp_path / "pooling").rename(tmp_path / "pooling_2")
    assert folder_digest(tmp_path) not in (first, second)
