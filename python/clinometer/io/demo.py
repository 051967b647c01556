"""The embedded demonstration collection: short parallel passages and questions.

The package's own files are read in sorted order, so the collection is the same everywhere and needs no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

import msgspec

from clinometer.collection import Collection, CollectionBuilder
from clinometer.contents import decode_json
from clinometer.languages import canonical, select

__all__ = ["read_demo"]


class _Text(msgspec.Struct):
    passage: str
    queries: list[str]


class _Topic(msgspec.Struct):
    id: str
    texts: dict[str, _Text]


class _Domain(msgspec.Struct):
    domain: str
    topics: list[_Topic]


def read_demo(*, languages: Iterable[str] | None = None) -> Collection:
    """The embedded collection: passages with questions; each translation of a question's passage is relevant (grade 1).

    Args:
        languages: Labels of the languages to keep, None for all.

    Returns:
        A collection named `demo`. Document ids look like `en:kitchen-sourdough`, query ids like
        `en:kitchen-sourdough:1`; the part after the language is the parallel group, and the queries have
        the field `topic`, their domain. Notes count the topics of each domain.

    Raises:
        LanguageError: A language is not in the demonstration.
    """
    domains = _domains()
    available = dict.fromkeys(
        canonical(label) for domain in domains for topic in domain.topics for label in topic.texts
    )
    labels = set(select(languages, list(available), "the demonstration"))
    builder = CollectionBuilder("demo")
    for domain in domains:
        for topic in domain.topics:
            texts = {canonical(label): text for label, text in topic.texts.items() if canonical(label) in labels}
            for label, text in texts.items():
                builder.add_document(f"{label}:{topic.id}", text.passage, label, topic.id, domain.domain)
                for number, question in enumerate(text.queries, start=1):
                    group = f"{topic.id}:{number}"
                    fields = {"topic": domain.domain}
                    builder.add_query(f"{label}:{group}", question, label, group, domain.domain, fields)
                    for translation in texts:
                        builder.judge(f"{label}:{group}", f"{translation}:{topic.id}")
    builder.notes = {"topics": {domain.domain: len(domain.topics) for domain in domains}}
    return builder.build()


def _domains() -> list[_Domain]:
    folder = files("clinometer.demo") / "topics"
    return [
        decode_json(path.read_bytes(), _Domain, path.name, "the package is damaged; reinstall it")
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".json")
    ]
