"""Tasks of models that compute with other weights for each task, such as jina-embeddings-v3 and v4.

Without a task such a model refuses texts or leaves its adapters out, and its embeddings are not those of its card.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from clinometer.errors import UsageError, first_few

__all__ = ["Tasks", "tasks_of"]

# In order of preference: v3 has a task for each side, v4 and v5 one for both.
_QUERY_TASKS = ("retrieval.query", "retrieval")
_DOCUMENT_TASKS = ("retrieval.passage", "retrieval")
# Fields of a configuration that list the tasks: of v3, and of v4 and v5.
_LISTS = ("lora_adaptations", "task_names")


class Tasks(NamedTuple):
    """The tasks that a model computes, empty for a model without tasks.

    Args:
        queries: Task of queries.
        documents: Task of documents.
        warnings: A sentence if the model needs a task and none is known.
    """

    queries: str = ""
    documents: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        """The tasks for the record of an encoder."""
        named = {"query_task": self.queries, "document_task": self.documents}
        return {name: task for name, task in named.items() if task}


def tasks_of(name: str, model: Any, query_task: str | None, document_task: str | None) -> Tasks:
    """The tasks for retrieval of a model: the caller's, else those that the model lists.

    Args:
        name: Name of the model, for messages.
        model: A SentenceTransformer.
        query_task: The caller's task of queries, None for the model's own.
        document_task: The same for documents.

    Raises:
        UsageError: The model has no tasks, or not this one.
    """
    given = {"query_task": query_task, "document_task": document_task}
    if not _takes_tasks(model):
        for option, task in given.items():
            if task is not None:
                raise UsageError(f"{option} has no effect on {name}, which has no tasks; leave it out")
        return Tasks()
    known = list(dict.fromkeys(_listed(model)))
    for option, task in given.items():
        if task is not None and known and task not in known:
            raise UsageError(f"{option} is {task!r}, but {name} has the tasks {first_few(known, 20)}")
    queries = query_task or next((task for task in _QUERY_TASKS if task in known), "")
    documents = document_task or next((task for task in _DOCUMENT_TASKS if task in known), "")
    if (queries and documents) or _has_default(model):
        return Tasks(queries, documents)
    warning = f"{name} computes with other weights for each task, but does not list a task for retrieval: "
    return Tasks(queries, documents, (f"{warning}give query_task and document_task, as its card names them",))


def _takes_tasks(model: Any) -> bool:
    """Whether a module of the model takes a task; a router is led by the names of the sides, which the host passes."""
    if any(type(module).__name__ == "Router" for module in _modules(model)):
        return False
    names = getattr(model, "get_model_kwargs", None)
    return callable(names) and "task" in names()


def _listed(model: Any) -> Iterator[str]:
    """Tasks in the configurations of the model's modules, and those among the names of its prompts."""
    for module in _modules(model):
        for holder in (module, getattr(module, "auto_model", None), getattr(module, "model", None)):
            config = getattr(holder, "config", None)
            for field in _LISTS:
                yield from getattr(config, field, None) or ()
    prompts = getattr(model, "prompts", None) or {}
    yield from (task for task in ("retrieval.query", "retrieval.passage") if task in prompts)


def _has_default(model: Any) -> bool:
    return any(getattr(module, "default_task", None) for module in _modules(model))


def _modules(model: Any) -> list[Any]:
    children = getattr(model, "children", None)
    return list(children()) if callable(children) else []
