"""Embeddings of XQuAD and Belebele by a model whose upper layers `studies.recipe.upper` has trained.

    OMP_WAIT_POLICY=PASSIVE python -m studies.recipe.upper_model --work DIR

Takes the weights in DIR/upper/pivot.pt (1,400 samples of de, es, ru, zh, ko, el and tr, the pivot's similarities as
teacher), half of the way from the untrained ones: the blend that the demo speaks for where centering follows
(docs/recipe.md). Matrix products are in bfloat16. What is in DIR already is not embedded again, and
`studies.remedies.all --work DIR` evaluates it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import clinometer as cm
from studies.command_line import parser
from studies.recipe.states import Upper, blended, model
from studies.remedies.correction import embedded
from studies.remedies.stacks import UPPER_LAYERS
from studies.sources import EVALUATED, SOURCES

SETTING, BLEND = "pivot", 0.5


def blended_model(work: Path) -> Any:
    """The whole model with its upper layers between the untrained and the trained ones."""
    encoder = model()
    upper = Upper(encoder)
    trained = torch.load(work / "upper" / f"{SETTING}.pt", weights_only=True)
    upper.load_state_dict(blended(upper.state_dict(), trained, BLEND))
    return encoder


def main() -> None:
    options = parser(__doc__, "folder of `studies.recipe.upper`, and of embeddings").parse_args()
    encoder = cm.encoder(blended_model(options.work), precision="bfloat16", batch_size=64)
    for source in EVALUATED:
        collection = cm.load(SOURCES[source])
        for side, texts in (("documents", collection.documents), ("queries", collection.queries)):
            embedded(UPPER_LAYERS, options.work, side, texts, lambda _: encoder)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
