"""Models with other weights for each task: which task they are given, with stand-ins that need no torch."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.encoders import SentenceTransformerEncoder, encoder
from clinometer.errors import UsageError

V3 = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]
V4 = ["retrieval", "text-matching", "code"]
V3_PROMPTS = {"query": "", "document": "", "retrieval.query": "Q ", "retrieval.passage": "P "}
V4_PROMPTS = {"query": "Query: ", "document": "", "passage": "Passage: "}


class Module:
    """The first module of a model, with its configuration."""

    def __init__(self, default_task: str | None = None, **config: Any) -> None:
        self.auto_model = types.SimpleNamespace(config=types.SimpleNamespace(**config))
        self.default_task = default_task


class Router(Module):
    """A module that is led by the side."""


class Adapted:
    """A model that refuses a task that it does not know, as the models of this kind do."""

    max_seq_length = None

    def __init__(self, module: Module, prompts: dict[str, str] | None = None, tasks: Iterable[str] = ()) -> None:
        self.module, self.prompts, self.tasks = module, prompts or {}, list(tasks)
        self.config = types.SimpleNamespace(_name_or_path="owner/adapted")
        self.calls: list[tuple[str | None, str]] = []

    def children(self) -> list[Module]:
        return [self.module]

    def get_model_kwargs(self) -> list[str]:
        return ["truncate_dim", "task"]

    def encode(self, texts: list[str], *, prompt: str, task: str | None = None, **_: Any) -> NDArray[np.float32]:
        if self.tasks and task not in self.tasks:
            raise ValueError(f"Unsupported task {task!r}")
        self.calls.append((task, prompt))
        return np.ones((len(texts), 3), dtype=np.float32)

    def encode_query(self, texts: list[str], **options: Any) -> NDArray[np.float32]:
        return self.encode(texts, task="query", **options)

    def encode_document(self, texts: list[str], **options: Any) -> NDArray[np.float32]:
        return self.encode(texts, task="document", **options)


def both(made: Any, model: Adapted) -> list[tuple[str | None, str]]:
    model.calls.clear()
    made.encode_queries(["a"])
    made.encode_documents(["a"])
    return model.calls


@pytest.mark.parametrize(
    ("module", "prompts", "tasks", "expected"),
    [
        (Module(lora_adaptations=V3), V3_PROMPTS, V3, [("retrieval.query", "Q "), ("retrieval.passage", "P ")]),
        (Module(), V3_PROMPTS, V3, [("retrieval.query", "Q "), ("retrieval.passage", "P ")]),
        (Module(task_names=V4), V4_PROMPTS, V4, [("retrieval", "Query: "), ("retrieval", "Passage: ")]),
    ],
    ids=["v3", "v3 by its prompts", "v4"],
)
def test_the_tasks_of_retrieval(
    module: Module, prompts: dict[str, str], tasks: list[str], expected: list[tuple[str, str]]
) -> None:
    model = Adapted(module, prompts, tasks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = encoder(model)
    assert both(made, model) == expected
    assert made.record.settings == {"query_task": expected[0][0], "document_task": expected[1][0]}


def test_the_callers_tasks() -> None:
    model = Adapted(Module(task_names=V4), V4_PROMPTS, V4)
    made = encoder(model, query_task="code", document_task="code", document_prompt="")
    assert both(made, model) == [("code", "Query: "), ("code", "")]
    assert made.record.settings == {"query_task": "code", "document_task": "code"}
    with pytest.raises(UsageError, match=r"^query_task is 'retrieval.query', but owner/adapted has the tasks 'retr"):
        encoder(model, query_task="retrieval.query")


@pytest.mark.parametrize("change", [{"truncate_dim": 2}, {"similarity": "dot"}])
def test_a_changed_encoder_has_the_callers_tasks(change: dict[str, Any]) -> None:
    model = Adapted(Module(task_names=V4), V4_PROMPTS, V4)
    made = encoder(model, query_task="code", document_task="text-matching", **change)
    assert both(made, model) == [("code", "Query: "), ("text-matching", "Passage: ")]
    with pytest.raises(UsageError, match=r"^query_task has no effect on the offline encoder; leave it out"):
        encoder("offline", query_task="code", **change)


def test_a_task_that_is_not_known_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="does not list a task for retrieval: give query_task and document_task"):
        made = SentenceTransformerEncoder(Adapted(Module()))
    assert made.record.settings == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SentenceTransformerEncoder(Adapted(Module(default_task="retrieval"))).record.warnings == []
        model = Adapted(Module())
        assert both(encoder(model, query_task="a", document_task="b"), model) == [("a", ""), ("b", "")]


def test_a_router_is_led_by_the_side() -> None:
    model = Adapted(Router())
    made = encoder(model)
    assert both(made, model) == [("query", ""), ("document", "")]
    assert made.record.settings == {}


@pytest.mark.parametrize("option", ["query_task", "document_task"])
def test_a_task_has_no_effect_on_other_models(option: str) -> None:
    model: Any = Adapted(Module())
    model.get_model_kwargs = list
    options: dict[str, Any] = {option: "retrieval"}
    with pytest.raises(UsageError, match=f"^{option} has no effect on owner/adapted, which has no tasks; leave it out"):
        encoder(model, **options)
    with pytest.raises(UsageError, match=f"^{option} has no effect on the offline encoder; leave it out"):
        encoder("offline", **options)
