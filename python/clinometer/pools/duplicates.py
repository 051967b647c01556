"""Near-duplicates: second copies of documents with a sentence dropped or moved, as crawls and mirrors have."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from clinometer.collection import Collection, Texts
from clinometer.errors import UsageError
from clinometer.pools.draws import check_share, first, number_of, sentences, share_of
from clinometer.pools.rebuilt import by_language, enlarged, noted

__all__ = ["edited", "near_duplicates"]


def near_duplicates(
    collection: Collection,
    share: float,
    *,
    of: Literal["all", "relevant"] = "all",
    judged: bool = True,
    seed: int = 0,
) -> Collection:
    """Add a near-duplicate of a share of the documents of each language. [our definition]

    A near-duplicate is its document with one sentence left out that has no digit in it, or with two neighbouring
    sentences exchanged, drawn by document; every number of the document is still there. A text of one sentence loses
    its last mark, or gets one. It has the language and the group of its document, and the id `near-duplicate:ID`.

    Args:
        collection: Any.
        share: Of the documents of each language, 0 to 1. More is always a superset of less.
        of: Draw among `all` documents, or among those that are relevant to a query.
        judged: Whether a near-duplicate of a relevant document is as relevant as it is. If not, it is counted as an
            unrelated document, as an assessor who never saw it would leave it.
        seed: Of the draw and of the edits.

    Returns:
        The collection with the new documents after its own, described in its notes.

    Raises:
        UsageError: The share is none, or `of` is unknown.

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
    chosen: list[int] = []
    for label in dict.fromkeys(texts.languages):
        rows = [int(row) for row in texts.rows_in([label]) if of == "all" or int(row) in relevant]
        drawn = first((texts.ids[row] for row in rows), share_of(len(rows), share), seed, "near-duplicate")
        chosen += [row for row in rows if texts.ids[row] in drawn]
    taken = set(zip(texts.languages, texts.texts, strict=True))
    made: list[tuple[int, str]] = []
    kinds: list[str] = []
    for row in sorted(chosen):
        label = texts.languages[row]
        for attempt in range(4):
            kind, text = edited(texts.texts[row], label, number_of(f"{texts.ids[row]}\x1f{attempt}", seed, "edit"))
            if (label, text) not in taken:
                taken.add((label, text))
                made.append((row, text))
                kinds.append(kind)
                break
    new = Texts(
        ids=tuple(f"near-duplicate:{texts.ids[row]}" for row, _ in made),
        texts=tuple(text for _, text in made),
        languages=tuple(texts.languages[row] for row, _ in made),
        groups=tuple(texts.groups[row] for row, _ in made),
    )
    place = {row: at for at, (row, _) in enumerate(made)}
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    judgements = [
        (int(query), place[int(row)], int(grade))
        for query, row, grade in zip(query_of, collection.judged, collection.grades, strict=True)
        if judged and int(row) in place
    ]
    facts: dict[str, Any] = {
        "near-duplicates": by_language(new.languages),
        "edits": by_language(kinds),
        "of relevant documents": sum(row in relevant for row, _ in made),
        "judged as their documents": "yes" if judged else "no",
        "judgements added": len(judgements),
    }
    if len(made) < len(chosen):
        facts["left out, for every edit gave a text that is there"] = len(chosen) - len(made)
    return noted(enlarged(collection, new, judgements), step, facts)


def edited(text: str, language: str, number: int) -> tuple[str, str]:
    """A text with a small change: what was done (`dropped`, `moved` or `mark`), and the new text.

    Args:
        text: Any.
        language: Its language, which says where sentences end.
        number: A random number that chooses the change.

    Example:
        >>> edited("It rains. There are 3 cats. They sleep.", "en", 1)
        ('moved', 'There are 3 cats. It rains. They sleep.')
        >>> edited("It rains.", "en", 0)
        ('mark', 'It rains')
    """
    parts = sentences(text, language)
    droppable = [at for at, part in enumerate(parts) if not any(sign.isdigit() for sign in part)]
    movable = [at for at in range(len(parts) - 1) if parts[at].strip() != parts[at + 1].strip()]
    drop, number = number % 2 == 0, number // 2
    if len(parts) > 1 and droppable and (drop or not movable):
        gone = droppable[number % len(droppable)]
        return "dropped", "".join(part for at, part in enumerate(parts) if at != gone).rstrip()
    if movable:
        at = movable[number % len(movable)]
        one, other = parts[at], parts[at + 1]
        gap = one[len(one.rstrip()) :]
        # The white space stays where it is, or the last sentence would stick to what follows it.
        parts[at : at + 2] = [other.rstrip() + gap, one.rstrip() + other[len(other.rstrip()) :]]
        return "moved", "".join(parts)
    bare = text.rstrip().rstrip(".!?。！？؟।")
    return "mark", bare if bare and bare != text.rstrip() else text.rstrip() + "."
