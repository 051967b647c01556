"""What the words of a question add to a corrected index: BM25 in its own language, carried to translations.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.words --work DIR           TICO-19 and the demo
    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.words --work DIR --final   XQuAD and Belebele as well

After center, turn and expansion, a document's score is raised by a weight times the share of the question's words that
it has: BM25 among the documents of the question's language, over the weights of those of its words that occur there.
What the expansion's mining takes for its translation has the same share. With `pieces` longer words count by their runs
of four characters too, for languages that inflect. The choice: of the settings that leave nDCG@1 in `mono-same` as high
as without words on both collections, the one with the highest mean of Complete@10. Only that one is looked at on XQuAD
and Belebele; before it, words alone at 0.4 without an expansion were, on Belebele. Embeddings are those of
`studies.remedies.correction` in DIR. Results go to studies/results/words.json; `python -m studies.remedies.page` draws
them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.correction.feedback import WEIGHT, fed_back
from clinometer.mining import expanded
from clinometer.scorers import MatrixScorer
from clinometer.scorers.tokens import terms
from studies.command_line import parser
from studies.remedies.correction import embedded, loaded
from studies.remedies.stacks import State, turn
from studies.remedies.strengths import evaluated, figures, mean_change
from studies.result_files import read_result, write_result
from studies.sources import EVALUATED
from studies.vectors import unit

ENCODER = "multilingual-e5-small"
DEVELOPMENT = ("tico19", "demo")
WEIGHTS = (0.2, 0.4, 0.6, 0.8, 1.0)
NONE = "no words"
PIVOT = "en"
MARGIN = 1.1
"""Least margin of a pair; 1.3, as for an expansion, finds fewer translations of TICO-19 and gains a third less."""


def with_pieces(text: str) -> list[str]:
    """The terms of a text, and of those with more than three characters the runs of four, ends included."""
    found = terms(text)
    padded = [f" {term} " for term in found if len(term) > 3]
    return found + [term[start : start + 4] for term in padded for start in range(len(term) - 3)]


Split = Callable[[str], list[str]]
KINDS: dict[str, Split] = {"words": terms, "words and pieces": with_pieces}
SETTINGS = [f"{kind} at {weight:g}" for kind in KINDS for weight in WEIGHTS]


def shares(queries: Sequence[str], documents: Sequence[str], split: Split = terms) -> Any:
    """`(queries, documents)` float32 from 0 to 1: BM25 over the weights of the query's words that any document has."""
    import bm25s

    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in split(text)] for text in documents]
    index = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    index.index((rows, dict(vocabulary)), create_empty_token=False, show_progress=False)
    occurrences = np.bincount([term for row in rows for term in set(row)], minlength=len(vocabulary))
    weights = np.log(1 + (len(rows) - occurrences + 0.5) / (occurrences + 0.5))
    found = np.zeros((len(queries), len(documents)), dtype=np.float32)
    for row, text in enumerate(queries):
        known = [vocabulary[term] for term in split(text) if term in vocabulary]
        if known:
            found[row] = index.get_scores_from_ids(known) / weights[known].sum()
    return found


def carried(own: Any, documents: Any, links: Mapping[int, Sequence[int]], size: int) -> Any:
    """`(queries, size)`: shares of all documents, of which those in another language have the share of a translation.

    Args:
        own: `(queries, n)`: shares of the documents in the queries' language.
        documents: `(n,)`: their positions.
        links: Positions of the translations of a document.
        size: Number of all documents.
    """
    everywhere = np.zeros((size, len(own)), dtype=np.float32)
    everywhere[documents] = own.T
    for column, document in enumerate(documents.tolist()):
        for other in links.get(document, ()):
            np.maximum(everywhere[other], own[:, column], out=everywhere[other])
    return everywhere.T


def all_shares(collection: cm.Collection, links: Mapping[int, Sequence[int]], split: Split) -> Any:
    """`(queries, documents)` of the collection: shares of words, carried to translations."""
    asked, stored = (np.array(side.languages) for side in (collection.queries, collection.documents))
    found = np.zeros((len(asked), len(stored)), dtype=np.float32)
    for label in collection.languages:
        rows, own = np.flatnonzero(asked == label), np.flatnonzero(stored == label)
        texts = [[side.texts[at] for at in chosen] for side, chosen in
                 ((collection.queries, rows), (collection.documents, own))]  # fmt: skip
        found[rows] = carried(shares(*texts, split), own, links, len(stored))
    return found


def with_feedback(q: Any, d: Any, added: Any, collection: cm.Collection) -> Any:
    """Scores of the second search, with each query moved towards its best document in its own language and English."""
    scores = q @ d.T + added
    asked, stored = (np.array(side.languages) for side in (collection.queries, collection.documents))
    best = np.empty(len(q), dtype=np.int64)
    for label in collection.languages:
        rows, pool = np.flatnonzero(asked == label), np.flatnonzero((stored == label) | (stored == PIVOT))
        best[rows] = pool[scores[np.ix_(rows, pool)].argmax(axis=1)]
    return fed_back(q, d[best], WEIGHT) @ d.T + added


def state_of(name: str, work: Any) -> State:
    """A collection with its embeddings."""
    if name in DEVELOPMENT[:1] + EVALUATED:
        return State(*loaded(ENCODER, name, work), ENCODER, work)
    collection = cm.load(name)
    sides = (embedded(ENCODER, work, side, getattr(collection, side)) for side in ("queries", "documents"))
    return State(collection, *sides, ENCODER, work)


def line_of(state: State, base: cm.Evaluation, q: Any, d: Any, added: Any) -> dict[str, Any]:
    """Figures of a collection whose scores are raised."""
    alone, second = (
        cm.evaluate(
            state.collection, MatrixScorer(scores), scenarios=["multi", "mono-same", "one-sided"],
            measures=["Complete@10", "nDCG@1"], resamples=1000,
        )
        for scores in (q @ d.T + added, with_feedback(q, d, added, state.collection))
    )  # fmt: skip
    rows = {(row["measure"], row["scenario"], row["query_language"]): row for row in alone.rows}
    found = rows["Complete@10", "multi", "macro-target"]
    return {
        **figures(alone, base), "interval": [found["ci_low"], found["ci_high"]],
        "stack": second.value("Complete@10", "multi", "macro-target"),
    }  # fmt: skip


def lines_of(name: str, state: State, settings: Sequence[str], not_carried: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Figures of one collection without words and with each setting, and some where translations get no share."""
    labels = state.collection.documents.languages
    base = evaluated(state.collection, state.q, state.d)
    after = state.after(turn(state))
    q, d = unit(after.q), unit(after.d)
    pairs = expanded(d, labels, margin=MARGIN)
    ends = zip(pairs.starts[:-1].tolist(), pairs.starts[1:].tolist(), strict=True)
    links = {
        own: pairs.partners[start:end].tolist()
        for own, (start, end) in zip(pairs.documents.tolist(), ends, strict=True)
    }
    d = unit(expanded(d, labels).apply(d))
    found = cache(lambda kind, carry: all_shares(state.collection, links if carry else {}, KINDS[kind]))
    lines = []
    for setting, carry in [(NONE, True), *((one, True) for one in settings), *((one, False) for one in not_carried)]:
        kind, _, weight = setting.partition(" at ")
        added = np.float32(weight) * found(kind, carry) if weight else 0
        title = setting if carry else f"{setting}, not carried"
        lines.append({"encoder": ENCODER, "collection": name, "setting": title, **line_of(state, base, q, d, added)})
        print(name, title, lines[-1]["Complete@10"], lines[-1]["stack"], mean_change(lines[-1]), file=sys.stderr)
    return lines


def chosen(lines: Sequence[Mapping[str, Any]]) -> str:
    """The setting that the rule chooses."""
    table = {(line["collection"], line["setting"]): line for line in lines}

    def free(setting: str) -> bool:
        return all(mean_change(table[name, setting]) >= mean_change(table[name, NONE]) for name in DEVELOPMENT)

    candidates = [setting for setting in SETTINGS if free(setting)]
    return max(candidates, key=lambda setting: fmean(table[name, setting]["Complete@10"] for name in DEVELOPMENT))


def main() -> None:
    options = parser(__doc__, "folder of embeddings")
    options.add_argument("--final", action="store_true", help="XQuAD and Belebele as well, with what was chosen")
    given = options.parse_args()
    if given.final:
        lines = [line for line in read_result("words") if line["collection"] in DEVELOPMENT]
        for name in EVALUATED:
            lines += lines_of(name, state_of(name, given.work), [chosen(lines)])
    else:
        lines = []
        for name in DEVELOPMENT:
            lines += lines_of(name, state_of(name, given.work), SETTINGS, not_carried=["words at 0.2", "words at 0.4"])
        print("chosen:", chosen(lines), file=sys.stderr)
    write_result("words", lines)


if __name__ == "__main__":
    main()
