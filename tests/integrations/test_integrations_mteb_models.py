"""Encoders on both sides of the border to mteb: the same prompts, the same figures, and a word where they differ."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_transformer

import clinometer as cm
from clinometer.encoders.families import WEB_SEARCH
from clinometer.errors import UsageError

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]
mteb = pytest.importorskip("mteb", reason="the extra mteb is not installed", exc_type=ImportError)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    host = pytest.importorskip("sentence_transformers")
    from mteb.models import SentenceTransformerEncoderWrapper
    from mteb.models.instruct_wrapper import InstructSentenceTransformerModel

    from clinometer.integrations.mteb.models import encoder_of_mteb, model_for_mteb, prompt_notice, prompts_in_mteb
    from clinometer.integrations.mteb.tasks import mixed_pool_task

PROMPTS = {"query": "en1 en2 ", "passage": "de3 zh4 "}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> cm.Collection:
    lines = [
        {"id": item.id, "texts": {name: {"query": query, "document": document} for name, (query, document) in texts}}
        for item in tiny_transformer.items(20)
        for texts in [item.texts.items()]
    ]
    path = tmp_path_factory.mktemp("parallel") / "items.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return cm.load(f"parallel:{path}", languages=["en", "de"])


@pytest.fixture(scope="module")
def task(collection: cm.Collection) -> Any:
    return mixed_pool_task(collection, name="TinyMixedPool")


@pytest.fixture
def model(tmp_path: Path) -> Any:
    tiny = tiny_transformer.build(tmp_path)
    tiny.prompts = {"query": "", "document": "", **PROMPTS}  # as it is after loading
    return tiny


def of_mteb(model: Any, task: Any) -> dict[str, float]:
    result = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    return {score["hf_subset"]: score["ndcg_at_10"] for score in result.task_results[0].scores["test"]}


def of_clinometer(collection: cm.Collection, encoder: Any) -> dict[str, float]:
    evaluation = cm.evaluate(collection, encoder, scenarios=["multi"], measures=["nDCG@10"], resamples=0)
    return {score["hf_subset"]: score["main_score"] for score in evaluation.to_mteb("x")["scores"]["test"]}


def test_the_figures_are_the_same_with_one_encoder_on_both_sides(
    collection: cm.Collection, task: Any, model: Any
) -> None:
    encoder = cm.encoder(model)
    ours = of_clinometer(collection, encoder)
    assert of_mteb(model_for_mteb(encoder), task) == pytest.approx(ours, abs=1e-4)
    theirs = of_mteb(model, task)
    assert of_clinometer(collection, encoder_of_mteb(model, task)) == pytest.approx(theirs, abs=1e-4)
    assert ours != pytest.approx(theirs, abs=1e-3)  # the prompt of passages, which mteb does not see


def test_another_prompt_is_said_where_mteb_evaluates(task: Any, model: Any) -> None:
    with pytest.warns(UserWarning, match="with 'en1 en2 ' before queries and '' before documents, clinometer with the"):
        of_mteb(model, task)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*clinometer")
        of_mteb(model_for_mteb(cm.encoder(model)), task)
        model.prompts = {"query": "en1 ", "document": "de3 "}
        of_mteb(model, task)


def test_prompts_of_each_kind_of_model(task: Any, model: Any, tmp_path: Path) -> None:
    assert prompts_in_mteb(model, task.metadata) == ("en1 en2 ", "")
    registered = SentenceTransformerEncoderWrapper(model, model_prompts={"query": "q: ", "document": "p: "})
    assert prompts_in_mteb(registered, task.metadata) == ("q: ", "p: ")
    by_task = SentenceTransformerEncoderWrapper(model, model_prompts={"Retrieval-query": "r: ", "document": "p: "})
    assert prompts_in_mteb(by_task, task.metadata) == ("r: ", "p: ")
    model.save(str(tmp_path / "saved"))
    instructed = InstructSentenceTransformerModel(
        str(tmp_path / "saved"), "1", instruction_template="Instruct: {instruction}\nQuery: ",
        apply_instruction_to_passages=False,
    )  # fmt: skip
    assert prompts_in_mteb(instructed, task.metadata) == (f"Instruct: {WEB_SEARCH}\nQuery: ", "")
    assert prompts_in_mteb(model_for_mteb(cm.encoder("offline")), task.metadata) == ("", "")
    assert prompts_in_mteb(object(), task.metadata) is None
    assert prompt_notice(object(), task.metadata) is None


def test_the_registrys_prompts_are_said_even_if_the_loaded_model_has_them(task: Any, model: Any) -> None:
    wrapped = SentenceTransformerEncoderWrapper(model, model_prompts={"query": "q: ", "document": "p: "})
    wrapped.mteb_model_meta.loader_kwargs = {"model_prompts": {"query": "q: ", "document": "p: "}}
    notice = prompt_notice(wrapped, task.metadata)
    assert notice is not None
    assert "with 'q: ' before queries and 'p: ' before documents" in notice
    assert "use model_for_mteb(encoder) in mteb, or encoder_of_mteb(model, task) in clinometer" in notice


def test_rows_of_a_model_of_mteb(task: Any, model: Any) -> None:
    encoder = encoder_of_mteb(model, task, batch_size=2)
    assert encoder.record.kind == "mteb"
    assert (encoder.record.query_prompt, encoder.record.document_prompt) == ("en1 en2 ", "")
    assert encoder.record.settings == {"task": "TinyMixedPool"}
    rows = encoder.encode_queries(["en5 en6", "de7", " en5 en6 "])
    assert rows[0].tobytes() == rows[2].tobytes()  # mteb strips texts
    np.testing.assert_allclose(rows[1], model.encode(["en1 en2 de7"])[0], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_documents(["de7"]), model.encode(["de7"]), atol=1e-6)
    assert encoder.encode_documents([]).shape == (0, tiny_transformer.DIMENSION)


def test_scores_are_cosines() -> None:
    model = model_for_mteb(cm.encoder("offline"))
    one, two = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[0.0, 2.0], [5.0, 0.0]])
    np.testing.assert_allclose(model.similarity(one, two), [[0.8, 0.6], [0.0, 1.0]], atol=1e-6)
    np.testing.assert_allclose(model.similarity_pairwise(one, two), [0.8, 1.0], atol=1e-6)
    assert model.mteb_model_meta.name == "clinometer/offline"


def test_scores_of_a_model_made_for_dot_products_are_dot_products(
    collection: cm.Collection, task: Any, model: Any
) -> None:
    del model[-1]  # Normalize
    model.similarity_fn_name = "dot"
    encoder = cm.encoder(model)
    assert encoder.record.similarity == "dot"
    np.testing.assert_allclose(model_for_mteb(encoder).similarity([[3.0, 4.0]], [[0.0, 2.0]]), [[8.0]])
    ours = of_clinometer(collection, encoder)
    assert of_mteb(model_for_mteb(encoder), task) == pytest.approx(ours, abs=1e-4)
    theirs = encoder_of_mteb(model, task)
    assert theirs.record.similarity == "dot"
    assert of_clinometer(collection, theirs) == pytest.approx(of_mteb(model, task), abs=1e-4)


def test_what_cannot_cross_is_refused(task: Any) -> None:
    class Labelled:
        """An encoder that wants to know languages."""

        wants_languages = True
        record = cm.encoder("offline").record

        def encode_queries(self, texts: Any, **_: Any) -> Any: ...

        encode_documents = encode_queries

    with pytest.raises(UsageError, match="needs the language of each text, which mteb does not pass"):
        model_for_mteb(Labelled())
    with pytest.raises(UsageError, match="yields scores, not embeddings"):
        model_for_mteb("bm25")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="object does not encode texts; give what"):
        encoder_of_mteb(object(), task)
