"""Near-duplicates: second copies of documents with a sentence dropped or moved, as in crawls and mirrors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from clinometer.collection import Collection
from clinometer.errors import UsageError
from clinometer.parameters import checked
from clinometer.pools.draws import check_share, first, number_of, sentences, share_of
from clinometer.pools.rebuilt import by_language, enlarged, noted

__all__ = ["edited", "near_duplicates"]


@checked
def near_duplicates(
    collection: Collection,
    share: float,
    *,
    of: Literal["all", "relevant"] = "all",
    judged: bool = True,
    seed: int = 0,
) -> Collection:
    """Add a near-duplicate of a share of the documents of each language. [our definition]

    A near-duplicate is its document without one sentence that has no digit, or with two neighbouring sentences
    exchanged, drawn by document; every number of the document is kept. A text of one sentence loses its final mark, or
    gets one. It has the language and the group of its document, and the id `near-duplicate:ID`.

    Args:
        collection: Any collection.
        share: Share of the documents of each language, 0 to 1. A larger share is always a superset of a smaller one.
        of: Draw among `all` documents, or among those that are `relevant` to a query.
        judged: Whether a near-duplicate of a relevant document has its judgements. If not, it counts as an unrelated
            document, like one that no assessor has seen.
        seed: Seed of the draw and of the edits.

    Returns:
        The collection with the new documents after its own, described in its notes.

    Raises:
        UsageError: The share is out of range, or `of` is unknown.

    Example:
        >>> import clinometer as cm
        >>> collection = cm.pools.near_duplicates(cm.load("demo", languages=["en", "de"]), 0.2)
        >>> len(collection.documents), collection.documents.ids[-1].startswith("near-duplicate:")
        (180, True)
    """
    check_share("the share of near-duplicates", share)
    if of not in ("all", "relevant"):
        raise UsageError(f"of is {of!r}, but must be all or relevant")
    step = f"near_duplicates({share:g}, of={of}, judged={'yes' if judged else 'no'}, seed={seed})"
    texts = collection.documents
    relevant = set(collection.relevant()[1].tolist())
    chosen_rows: list[int] = []
    for label in dict.fromkeys(texts.languages):
        rows = [int(row) for row in texts.rows_in([label]) if of == "all" or int(row) in relevant]
        drawn_ids = first((texts.ids[row] for row in rows), share_of(len(rows), share), seed, "near-duplicate")
        chosen_rows += [row for row in rows if texts.ids[row] in drawn_ids]
    known = set(zip(texts.languages, texts.texts, strict=True))
    copies: list[tuple[int, str]] = []
    kinds: list[str] = []
    for row in sorted(chosen_rows):
        label = texts.languages[row]
        for attempt in range(4):
            kind, text = edited(texts.texts[row], label, number_of(f"{texts.ids[row]}\x1f{attempt}", seed, "edit"))
            if (label, text) not in known:
                known.add((label, text))
                copies.append((row, text))
                kinds.append(kind)
                break
    originals = texts.take([row for row, _ in copies])
    ids = tuple(f"near-duplicate:{original_id}" for original_id in originals.ids)
    documents = replace(originals, ids=ids, texts=tuple(text for _, text in copies))
    copy_of_row = {row: position for position, (row, _) in enumerate(copies)}
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    judgements = [
        (int(query), copy_of_row[int(row)], int(grade))
        for query, row, grade in zip(query_of, collection.judged, collection.grades, strict=True)
        if judged and int(row) in copy_of_row
    ]
    facts: dict[str, Any] = {
        "near-duplicates": by_language(documents.languages),
        "edits": by_language(kinds),
        "of relevant documents": sum(row in relevant for row, _ in copies),
        "judged as their documents": "yes" if judged else "no",
        "judgements added": len(judgements),
    }
    if len(copies) < len(chosen_rows):
        facts["left out, for every edit gave a text that is there"] = len(chosen_rows) - len(copies)
    return noted(enlarged(collection, documents, judgements), step, facts)


def edited(text: str, language: str, number: int) -> tuple[str, str]:
    """A text with a small change: the kind of change (`dropped`, `moved` or `mark`), and the new text.

    Args:
        text: Any text.
        language: Language of the text, which determines where sentences end.
        number: Random number that determines the change.

    Example:
        >>> edited("It rains. There are 3 cats. They sleep.", "en", 1)
        ('moved', 'There are 3 cats. It rains. They sleep.')
        >>> edited("It rains.", "en", 0)
        ('mark', 'It rains')
    """
    parts = sentences(text, language)
    droppable = [position for position, part in enumerate(parts) if not any(character.isdigit() for character in part)]
    movable = [position for position in range(len(parts) - 1) if parts[position].strip() != parts[position + 1].strip()]
    drop, number = number % 2 == 0, number // 2
    if len(parts) > 1 and droppable and (drop or not movable):
        dropped = droppable[number % len(droppable)]
        return "dropped", "".join(part for position, part in enumerate(parts) if position != dropped).rstrip()
    if movable:
        position = movable[number % len(movable)]
        sentence, following = parts[position], parts[position + 1]
        gap = sentence[len(sentence.rstrip()) :]
        # The white space keeps its position, or the last sentence would run into the next.
        parts[position : position + 2] = [
            following.rstrip() + gap,
            sentence.rstrip() + following[len(following.rstrip()) :],
        ]
        return "moved", "".join(parts)
    bare = text.rstrip().rstrip(".!?。！？؟।")
    return "mark", bare if bare and bare != text.rstrip() else text.rstrip() + "."
