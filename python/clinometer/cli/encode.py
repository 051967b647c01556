"""`clinometer encode`: stored embeddings of the texts of a collection, resumed where an earlier run stopped."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from clinometer.cli.config import options_of_file
from clinometer.cli.earlier import Force
from clinometer.cli.encoder_options import Adapter, EncoderOptions
from clinometer.cli.expansion import option, output_option
from clinometer.cli.option_groups import Executor, Progress, Similarity, Source, SourceName, Storage, without_none
from clinometer.cli.remedies import RemedyFiles
from clinometer.errors import CollectionError, UsageError
from clinometer.files import check_folder

if TYPE_CHECKING:
    from clinometer.collection import Texts
    from clinometer.store import Stage, StoreWriter

__all__ = ["encode"]

_STORAGE = Storage(dtype="float32")


@dataclass(frozen=True)
class _Workers(Executor):
    workers: Annotated[int | None, option("N", "Number of models on ray; one for each core by default.", min=1)] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse_local_workers(self.workers, "has one model on all cores; leave it out")


def encode(
    source: SourceName,
    reading: Source,
    options: EncoderOptions,
    output: Annotated[Path, output_option("STORE", "Folder of the new stores STORE/documents and STORE/queries.")],
    progress: Progress,
    execution: _Workers,
    storage: Storage = _STORAGE,
    adapter: Adapter = None,
    similarity: Similarity = None,
    only: Annotated[str | None, option("documents|queries", "Side to encode; both by default.", panel="Source")] = None,
    force: Force = False,
) -> None:
    """Encode a collection and store the embeddings. Run again, it resumes where it stopped.

    Example:
        clinometer encode demo --languages en,de -o store
    """
    if only not in (None, "documents", "queries"):
        raise UsageError(f"--only is {only!r}, but must be documents or queries")
    stages = ("documents", "queries") if only is None else (only,)
    if options.encoder == "precomputed":
        raise UsageError("--encoder precomputed has nothing to encode; store arrays with clinometer store import")
    if similarity not in (None, "cosine", "dot"):
        raise UsageError(f"--similarity is {similarity!r}, but stored embeddings are made for cosine or dot")
    # Imported here so that `--help` and errors in options come at once.
    from clinometer.encoders import ChangedEncoder
    from clinometer.scorers.factory import require_extra
    from clinometer.store import fill

    check_folder(output, "the store")
    remedies = RemedyFiles(adapter, None)
    remedies.load()
    require_extra(options.name)
    collection = reading.load(source)
    collection.require_texts("encoding")
    sys.stderr.write(collection.summary() + "\n")
    plain = options.make() if similarity is None else ChangedEncoder(options.make(), similarity=similarity)
    encoder = remedies.applied_to(plain, collection)
    written = _warn(encoder.record.warnings, set())
    texts = {"documents": collection.documents, "queries": collection.queries}
    ray_encoders: Any = None
    with ExitStack() as stack:
        # Both are opened before the work, so that a store of another encoder is refused before hours are spent.
        writers = {
            stage: stack.enter_context(
                _opened(output / stage, texts[stage], encoder, stage, storage, force)  # type: ignore[arg-type]
            )
            for stage in stages
        }
        if execution.executor == "ray" and any(len(writer) < len(texts[stage]) for stage, writer in writers.items()):
            from clinometer.store.ray_encoding import RayEncoders, made_of

            arguments = options.arguments() | without_none({"similarity": similarity})
            make = partial(made_of, options.name, arguments, remedies.adapter)
            ray_encoders = stack.enter_context(RayEncoders(make, workers=execution.workers, device=options.device))
        for stage, writer in writers.items():
            if configured := options_of_file():
                writer.record_config(configured["config"])
            stored_before = len(writer)
            encode_all = None if ray_encoders is None else ray_encoders.encode_all(stage)
            try:
                fill(writer, texts[stage], encoder, encode_all=encode_all, show_progress_bar=progress.bars)
            except KeyboardInterrupt:
                sys.stderr.write(
                    f"{len(writer):,} of {len(texts[stage]):,} {stage} are in {output / stage}; "
                    "run the same command again to resume\n"
                )
                raise
            earlier = f", {stored_before:,} of them from an earlier run" if stored_before else ""
            sys.stderr.write(f"{len(writer):,} {stage} in {output / stage}{earlier}\n")
        if ray_encoders is not None:
            _warn([text for text in ray_encoders.warnings() if text.partition(": ")[2] not in written], written)
    _warn(encoder.record.warnings, written)


def _opened(path: Path, texts: Texts, encoder: Any, stage: Stage, storage: Storage, force: bool) -> StoreWriter:
    """The writer of a store; with `force`, a store that does not go on with these texts is started anew."""
    from clinometer.store import open_writer
    from clinometer.store.manifest import MANIFEST
    from clinometer.store.writer import clear

    options: dict[str, Any] = asdict(storage)
    try:
        return open_writer(path, texts, encoder, stage, **options)
    except (UsageError, CollectionError) as error:
        if force and (path / MANIFEST).exists():
            clear(path)
            return open_writer(path, texts, encoder, stage, **options)
        fix = ", or start it anew with --force" if (path / MANIFEST).exists() else ""
        raise type(error)(f"{error}{fix}") from None


def _warn(warnings: list[str], written: set[str]) -> set[str]:
    """Write the warnings that are new; an encoder counts the texts that it cuts only as it goes."""
    for warning in warnings:
        if warning not in written:
            sys.stderr.write(f"warning: {warning}\n")
    return written | set(warnings)
