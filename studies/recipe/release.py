"""The small files that are published: the adapter in closed form and the centering it approximates, with their card.

    python -m studies.recipe.release --work DIR    fits them and writes release/
    python -m studies.recipe.release               draws the card's table again

Both are fitted by `studies.recipe.closed_form`, on texts whose licences do not ask for the same licence.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from clinometer.adapters import Adapter
from clinometer.correction.records import fitted_on
from clinometer.encoders import EncoderRecord
from clinometer.files import file_digest
from studies.command_line import parser
from studies.pages import put, table
from studies.recipe.closed_form import HEADS, SAME_LICENCE, cells, fitted
from studies.remedies.correction import trained_adapter
from studies.result_files import read_result
from studies.sources import ROOT, training_files

NAME = "multilingual-e5-small"
FOLDER = ROOT / "release" / NAME


def write(work: Path) -> None:
    """Fit both and write them."""
    adapter, center = fitted(NAME, work)
    encoder = trained_adapter(NAME, work).settings["encoder"]
    used = [path for path in training_files() if not path.name.startswith(SAME_LICENCE.rstrip("/"))]
    data: dict[str, Any] = {path.name: file_digest(path) for path in used}
    FOLDER.mkdir(parents=True, exist_ok=True)
    adapter = Adapter(adapter.kind, adapter.arrays, {"encoder": encoder, **adapter.settings, "data": data})
    adapter.save(FOLDER / "closed-form-adapter.safetensors")
    record = EncoderRecord(
        name=encoder["name"], kind="sentence-transformers", revision=encoder["revision"], dimension=adapter.dimension,
        query_prompt="query: ", document_prompt="passage: ",
    )  # fmt: skip
    origin = {"source": "train", "sample": 240, "data": data, **fitted_on(record)}
    replace(center, settings={**center.settings, "fitted_on": origin}).save(str(FOLDER / "center.npz"))
    print(adapter.digest, center.digest)


def main() -> None:
    options = parser(__doc__, "folder of embeddings", required=False).parse_args()
    if options.work:
        write(options.work)
    lines = [line for line in read_result("closed-form") if line["encoder"] == NAME]
    put(FOLDER / "README.md", "closed-form", "\n".join([*table(HEADS, "ll" + "r" * 7, map(cells, lines)), ""]))


if __name__ == "__main__":
    main()
