"""A collection of topics in several languages with what is easily got wrong: further answers, own ids, grade 0."""

from __future__ import annotations

from collections.abc import Collection as Members
from collections.abc import Mapping, Sequence

import clinometer as cm


def judged_topics(
    name: str,
    languages: Sequence[str],
    topics: int,
    *,
    copies: Mapping[int, int] | None = None,
    without: Members[tuple[int, str]] = (),
) -> cm.Collection:
    """Topics with a query and a document in each language, judged in all of them.

    Topic 3 has a second answer in each language, topic 7 a document that is judged not relevant, and every fourth
    query has the id of a document.

    Args:
        name: Name of the collection.
        languages: Labels of the languages.
        topics: Number of topics, 8 or more.
        copies: Topics whose documents have the texts of another, by number.
        without: Topics and languages whose documents are not judged.
    """
    builder = cm.CollectionBuilder(name)
    for topic in range(topics):
        for label in languages:
            text = f"{label} {(copies or {}).get(topic, topic)}"
            builder.add_document(f"{label}{topic}", text, label, str(topic))
            builder.add_query(f"q-{label}{topic}" if topic % 4 else f"{label}{topic}", f"{topic}", label, str(topic))
    for query in builder.build().queries.ids:
        topic = int("".join(filter(str.isdigit, query)))
        for label in languages:
            if (topic, label) not in without:
                builder.judge(query, f"{label}{topic}", 1 + topic % 2)
            if topic == 3:
                builder.judge(query, f"{label}{topic + 1}", 1)
            if topic == 7:
                builder.judge(query, f"{label}0", 0)
    return builder.build()
