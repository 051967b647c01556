"""`clinometer correct`: fits a correction on a sample of texts or of stored embeddings, and applies it to a store."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.http import Cache, Http, Model, http_options
from clinometer.cli.remedies import RemedyFiles, correction_file, known_languages, warn
from clinometer.errors import UsageError
from clinometer.files import json_bytes

__all__ = ["correct"]

# Rows that are stored already cost nothing to look at.
_TEXTS, _ROWS = 200, 2000


def correct(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|STORE",
            help="A collection as in evaluate: the correction is fitted. A folder of stored embeddings: it is fitted "
            "and applied.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="NPZ|STORE", help="The correction, or the folder of the new store."),
    ],
    method: Annotated[
        str | None, typer.Option(metavar="center|lir|shift|calibrate", help="What is fitted; center by default.")
    ] = None,
    correction: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="STORE: apply this one, fitted before, instead of fitting.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Texts of each language to fit on; 200, of a store 2000 by default."),
    ] = None,
    strength: Annotated[
        str | None, typer.Option(metavar="auto|S", help="center, shift, calibrate: share that is taken off.")
    ] = None,
    query_strength: Annotated[float | None, typer.Option(metavar="S", help="center: the same for queries.")] = None,
    components: Annotated[int | None, typer.Option(metavar="R", help="lir: how many are taken out.")] = None,
    directions: Annotated[
        str | None, typer.Option(metavar="auto|N", help="center, shift: directions of languages that are taken out.")
    ] = None,
    shrinkage: Annotated[
        str | None, typer.Option(metavar="auto|W", help="center: how far means move together, 0 to 1.")
    ] = None,
    centre: Annotated[
        bool, typer.Option("--centre", help="shift: take off the pivot's mean too; lir: centre first.")
    ] = False,
    scale: Annotated[bool, typer.Option("--scale", help="calibrate: even out the spread of scores too.")] = False,
    pivot: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="shift: to which the others move; en by default.")
    ] = None,
    queries_by: Annotated[
        str | None,
        typer.Option(
            metavar="own|documents|none", help="What moves queries; own by default, where there are queries to fit on."
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="E", help="SOURCE: as in evaluate; offline by default.")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(metavar="FILE", help="SOURCE: fit on adapted embeddings.")] = None,
    languages: Annotated[str | None, typer.Option(metavar="A,B,...", help="SOURCE: only these languages.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="passage|row", help="xquad: what one document is.")] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="beir, hub: which judgements.")] = None,
    document_language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE|id", help="beir, hub: language of texts that name none.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="beir, hub: count judgements of absent texts instead of failing.")
    ] = False,
    query_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each query.")] = None,
    document_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each document.")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")] = None,
    max_length: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest input in tokens.")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu or cuda:0.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="COMMIT", help="Of a model on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with a model.")
    ] = False,
    model: Model = None,
    cache: Cache = None,
    http: Http = None,
    queries: Annotated[
        Path | None, typer.Option(metavar="NPY", help="precomputed: embeddings of all queries, in order.")
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(metavar="NPY", help="precomputed: embeddings of all documents, in order.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the drawing of the sample.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print what was fitted as JSON instead of a table.")] = False,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
    ] = None,
) -> None:
    """Fit a correction that straightens embeddings without training, and apply it to stored embeddings."""
    bars = sys.stderr.isatty() if progress is None else progress
    options = {
        # Each method has a rule of its own where no strength is given.
        "strength": None if strength == "auto" else _number("--strength", strength, float),
        "query_strength": query_strength,
        "components": components,
        "directions": _number("--directions", directions, int),
        "shrinkage": _number("--shrinkage", shrinkage, float),
        "centred" if method == "lir" else "centre": centre or None,
        "scale": scale or None,
        "pivot": pivot,
    }
    fitting = {name: value for name, value in options.items() if value is not None}
    drawing = {"queries_by": queries_by, "seed": seed, "pivot": pivot or "en"}
    of_source: dict[str, Any] = {
        "encoder": encoder, "adapter": adapter, "languages": languages, "unit": unit, "split": split,
        "document_language": document_language, "allow_missing": allow_missing or None, "query_prompt": query_prompt,
        "document_prompt": document_prompt, "batch_size": batch_size, "max_length": max_length, "device": device,
        "revision": revision, "trust_remote_code": trust_remote_code or None, "queries": queries,
        "documents": documents, **http_options(model, cache, http),
    }  # fmt: skip
    given = {name: value for name, value in of_source.items() if value is not None}
    if _is_source(source):
        if correction is not None:
            raise UsageError(
                f"--correction is applied to stored embeddings, and {source} is a collection; give the folder of a "
                "store, or see what it does with clinometer evaluate --correction"
            )
        _check_file(output)
        made = _sampled(source, method or "center", sample or _TEXTS, drawing, given, bars)
        found = _fitted(method or "center", made, fitting)
        output.parent.mkdir(parents=True, exist_ok=True)
        found["correction"].save(output)
    else:
        if given:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"{named} would encode or choose texts, but {source} holds embeddings; leave it out")
        asked = {**fitting, "method": method, "sample": sample, "queries_by": queries_by}
        if correction is not None and (unused := [name for name, value in asked.items() if value is not None]):
            named = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
            raise UsageError(f"{correction} was fitted before, so {named} would change nothing; leave it out")
        found = _stored(Path(source), method or "center", sample or _ROWS, drawing, fitting, correction, output, bars)
    warn(found["warnings"])
    _show(found, source, output, json)


def _is_source(source: str) -> bool:
    if source == "demo" or (":" in source and not Path(source).is_dir()):
        return True
    if not Path(source).is_dir():
        raise UsageError(
            f"{source!r} is neither a collection nor the folder of a store; write a collection as in clinometer "
            "evaluate, such as demo or xquad:DIR, or encode one with clinometer encode"
        )
    return False


def _check_file(output: Path) -> None:
    if output.suffix != ".npz":
        raise UsageError(f"{output}: a correction is a .npz file; let the name end in .npz")
    if output.is_dir():
        raise UsageError(f"{output} is a folder; give a file for the correction")


def _sampled(source: str, method: str, texts: int, drawing: dict[str, Any], given: dict[str, Any], bars: bool) -> Any:
    # Imported here so that `--help` and complaints about options come at once.
    from clinometer.correction import check_method
    from clinometer.correction.fitting import encode_sample
    from clinometer.encoders import PrecomputedEncoder, require_embeddings
    from clinometer.encoders import encoder as make_encoder
    from clinometer.io import load

    check_method(method)
    given = dict(given)
    what, arrays = given.pop("encoder", "offline"), (given.pop("queries", None), given.pop("documents", None))
    if what == "precomputed" and None in arrays:
        raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
    if what != "precomputed" and arrays != (None, None):
        raise UsageError("--queries and --documents are for --encoder precomputed")
    remedies = RemedyFiles(given.pop("adapter", None), None)
    remedies.load()
    reader: dict[str, Any] = {name: given.pop(name) for name in ("unit", "split", "allow_missing") if name in given}
    if "document_language" in given:
        reader["language"] = given.pop("document_language")
    wanted = [name.strip() for name in given.pop("languages").split(",")] if "languages" in given else None
    collection = load(source, languages=wanted, **reader)
    sys.stderr.write(collection.summary() + "\n")
    if what == "precomputed":
        made: Any = PrecomputedEncoder.from_files(*arrays)
    else:
        made = make_encoder(what, **given)
        require_embeddings(made)
    warn(made.record.warnings)
    return encode_sample(
        collection,
        made,
        method,
        texts=texts,
        adapted=lambda plain: remedies.applied_to(plain, collection),
        show_progress_bar=bars,
        **drawing,
    )


def _fitted(method: str, sample: Any, options: dict[str, Any]) -> dict[str, Any]:
    from clinometer.correction.fitting import fit_sample, summary

    fitted = fit_sample(method, sample, **options)
    languages, warnings = summary(fitted, sample)
    return {"correction": fitted, "languages": languages, "warnings": warnings}


def _stored(
    source: Path,
    method: str,
    rows: int,
    drawing: dict[str, Any],
    fitting: dict[str, Any],
    path: Path | None,
    output: Path,
    bars: bool,
) -> dict[str, Any]:
    from clinometer.correction import check_method, load
    from clinometer.correction.stores import check_target, correct_store, sample_store
    from clinometer.store import EmbeddingStore, stores_in

    check_target(output)
    if path is None:
        check_method(method)
        found = _fitted(method, sample_store(source, method, texts=rows, **drawing), fitting)
    else:
        found = {"correction": load(correction_file(path)), "languages": [], "warnings": []}
    for stage, folder in stores_in(source).items():
        fitted = correction_file(path) if path is not None else Path("the sample")
        known_languages(fitted, found["correction"], stage, EmbeddingStore.open(folder).languages)
    return found | {"rows": correct_store(source, output, found["correction"], show_progress_bar=bars)}


def _number(option: str, text: str | None, kind: type[int] | type[float]) -> Any:
    """The number in it, or `auto`; None where nothing was given."""
    if text is None or text == "auto":
        return text
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} is {text!r}; give auto or a number") from None


def _show(found: dict[str, Any], source: str, output: Path, json: bool) -> None:
    correction = found["correction"]
    rows = found.get("rows", {})
    if json:
        told = {
            "source": source,
            "correction": {"digest": correction.digest, **correction.describe()},
            "languages": found["languages"],
            "rows": rows,
            "warnings": found["warnings"],
            "output": str(output),
            "command": shlex.join(["clinometer", *sys.argv[1:]]),
        }
        sys.stdout.write(json_bytes(told).decode())
    else:
        sys.stdout.write("\n".join(_table(correction, found["languages"])) + "\n")
    done = " and ".join(f"{count:,} {stage}" for stage, count in rows.items())
    sys.stderr.write(f"wrote {f'{done} and correction.npz' if done else 'the correction'} to {output}\n")


def _table(correction: Any, languages: Sequence[dict[str, Any]]) -> list[str]:
    settings = correction.settings
    origin = settings.get("fitted_on") or {}
    where = f", fitted on {origin['source']} with {origin['encoder']}" if origin else ""
    told = [f"{correction.method} {correction.digest}{where}"]
    told += [
        f"{name.replace('_', ' ')}: {settings[name]}"
        for name in ("directions_removed", "components", "scale")
        if settings.get(name)
    ]
    if not languages:
        return told
    names = [name for name in languages[0] if any(entry[name] is not None for entry in languages)]
    cells = [[_HEADS[name] for name in names]]
    cells += [[_cell(entry[name]) for name in names] for entry in languages]
    widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return [*told, "", lines[0], "-" * len(lines[0]), *lines[1:]]


_HEADS = {
    "language": "language",
    "documents": "documents",
    "queries": "queries",
    "mean_length": "mean length",
    "query_mean_length": "of queries",
    "strength": "strength",
    "query_strength": "for queries",
}


def _cell(entry: Any) -> str:
    if entry is None:
        return "–"
    return f"{entry:.3g}" if isinstance(entry, float) else str(entry)
