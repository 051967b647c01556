"""`clinometer geometry`: how close the embeddings of translations are, before anything is ranked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from clinometer.cli.config import origin
from clinometer.cli.earlier import Force, identity, refuse_other
from clinometer.cli.encoder_options import Adapter, CorrectionFile, Precomputed
from clinometer.cli.expansion import option, output_option
from clinometer.cli.option_groups import Json, Pivot, Progress, Source, SourceName, split_names
from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.cli.terminal import show, terminal

__all__ = ["geometry"]


def geometry(
    source: SourceName,
    reading: Source,
    vectors: Precomputed,
    progress: Progress,
    pivot: Pivot = "en",
    read: Annotated[
        str,
        option(
            "raw|normalized|scaled",
            "Scale of embeddings for mismatch and isotropy.",
            panel="Scenarios and measures",
        ),
    ] = "raw",
    adapter: Adapter = None,
    correction: CorrectionFile = None,
    json: Json = False,
    output: Annotated[Path | None, output_option("FILE", "File for the rows as JSON.")] = None,
    force: Force = False,
) -> None:
    """Measure how close the embeddings of documents are to those of their translations.

    Example:
        clinometer geometry demo --languages en,de,zh
    """
    # Imported here so that `--help` and errors in options come at once.
    import msgspec

    from clinometer.encoders.base import encode
    from clinometer.files import json_bytes, written_whole
    from clinometer.geometry import alignment_table
    from clinometer.geometry.pairs import check_read
    from clinometer.report.mismatch import geometry_table

    kind = check_read(read)
    # Only documents are encoded, so the languages of queries do not matter to a correction.
    remedies = RemedyFiles(adapter, correction, None if correction is None else "unknown")
    remedies.load()
    collection = reading.load(source).restrict(split_names(reading.languages))
    collection.require_texts("the geometry of embeddings")
    sys.stderr.write(collection.summary() + "\n")
    encoder = remedies.applied_to(vectors.make(), collection)
    if output is not None:
        refuse_other(output, identity(encoder.record, collection.describe()), force=force)
    texts = collection.documents
    embeddings = encode(encoder, texts.texts, "documents", languages=texts.languages, show_progress_bar=progress.bars)
    warn(encoder.record.warnings)
    rows = alignment_table(embeddings, texts.languages, texts.groups, pivot, read=kind)
    results = {
        "collection": collection.describe(),
        "encoder": msgspec.to_builtins(encoder.record),
        "settings": {"pivot": rows[0]["pivot"], "read": kind, **origin()},
        "rows": rows,
    }
    text = json_bytes(results)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(output) as file:
            file.write(text)
        sys.stderr.write(f"wrote {output}\n")
    if json:
        sys.stdout.write(text.decode())
    else:
        show(terminal().table(geometry_table(rows)))
