"""`clinometer correct`: a correction fitted on a sample of texts or stored embeddings, and applied to a store."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clinometer.cli.advice import advice_lines, advised, advised_store
from clinometer.cli.completion import methods, queries_by
from clinometer.cli.config import origin
from clinometer.cli.earlier import Force, refuse_other_correction
from clinometer.cli.encoder_options import Adapter, Precomputed
from clinometer.cli.expansion import OptionGroup, option, options_set, output_option
from clinometer.cli.option_groups import Expand, Json, Progress, Source, split_names, without_none
from clinometer.cli.remedies import RemedyFiles, correction_file, known_languages, warn
from clinometer.errors import UsageError
from clinometer.files import check_target, is_url, json_bytes
from clinometer.suggestions import one_of

if TYPE_CHECKING:
    from clinometer.encoders import EncoderRecord

__all__ = ["ROWS", "Fitting", "correct", "fitted"]

_TEXTS = 200
ROWS = 2000
"""Default number of stored rows of each language to fit on: they cost nothing to read, while texts must be encoded."""
_OPTIONS_OF_AUTO = ("--tolerance", "--sample", "--seed", "--pivot")


@dataclass(frozen=True)
class Fitting(OptionGroup):
    """How a correction is fitted."""

    panel = "Correction"

    method: Annotated[
        str | None,
        option(
            "NAME",
            "Method: center (the default), lir, shift, query-shift, calibrate, or auto: what helps without harm.",
            autocompletion=methods,
        ),
    ] = None
    strength: Annotated[
        str | None, option("auto|S", "Share that is removed (center, shift, query-shift, calibrate).")
    ] = None
    query_strength: Annotated[float | None, option("S", "Share that is removed from queries (center).")] = None
    components: Annotated[int | None, option("R", "Number of components that are removed (lir).")] = None
    directions: Annotated[
        str | None, option("auto|N", "Number of language directions that are removed (center, shift).")
    ] = None
    shrinkage: Annotated[
        str | None, option("auto|W", "Shrinkage of means towards each other, from 0 to 1 (center).")
    ] = None
    centre: Annotated[
        bool, option(None, "Subtraction of the pivot's mean as well (shift), or of each mean first (lir).", "--centre")
    ] = False
    scale: Annotated[bool, option(None, "Same spread of scores for all languages (calibrate).", "--scale")] = False
    pivot: Annotated[
        str | None, option("LANGUAGE", "Language that the others move to (shift, --turn, --expand); en by default.")
    ] = None
    turn: Annotated[
        bool,
        option(
            None,
            "Rotation of each language onto its translations in the pivot, found among all documents (center).",
            "--turn",
        ),
    ] = False
    turn_sample: Annotated[
        int | None,
        option("N", "Number of documents of each language whose translation is sought; 5000 by default.", min=1),
    ] = None
    expand: Expand = None
    sources: Annotated[
        str | None, option("A,B,...", "Languages of queries (query-shift); by default those of the queries, else all.")
    ] = None
    queries_by: Annotated[
        str | None,
        option(
            "MODE",
            "Texts that queries are corrected by: own (the default if there are queries), documents or none.",
            autocompletion=queries_by,
        ),
    ] = None
    sample: Annotated[
        int | None,
        option("N", "Number of texts of each language to fit on; by default 200, or 2000 of a store.", min=1),
    ] = None
    seed: Annotated[int, option("N", "Seed of the sample.", min=0)] = 0
    tolerance: Annotated[
        float | None,
        option("X", "Largest accepted fall of nDCG@1 within languages (auto); 0.01 by default.", min=0, max=1),
    ] = None

    def __post_init__(self) -> None:
        self.options()
        if self.automatic and (
            unused := [name for name in options_set(self) if name not in ("--method", *_OPTIONS_OF_AUTO)]
        ):
            raise UsageError(f"auto chooses by itself; leave out {', '.join(unused)}, or name a method")
        if self.tolerance is not None and not self.automatic:
            raise UsageError("--tolerance is an option of --method auto; give that as well")
        if self.turn and self.name != "center":
            raise UsageError(f"--turn follows the method center, not {self.name}; leave one of the two out")
        if self.expand is not None:
            from clinometer.correction.expansion import check_expansion_weight

            check_expansion_weight(self.expand)
            if self.name != "center":
                raise UsageError(f"--expand follows the method center, not {self.name}; leave one of the two out")
        if self.turn_sample is not None and not self.turn:
            raise UsageError("--turn-sample is an option of --turn; give --turn as well")

    def options(self) -> dict[str, Any]:
        """Options of the method that are set.

        Raises:
            UsageError: A value is neither `auto` nor a number.
        """
        values = {
            # Each method has its own rule if no strength is set.
            "strength": None if self.strength == "auto" else _number("--strength", self.strength, float),
            "query_strength": self.query_strength,
            "components": self.components,
            "directions": _number("--directions", self.directions, int),
            "shrinkage": _number("--shrinkage", self.shrinkage, float),
            "centred" if self.method == "lir" else "centre": self.centre or None,
            "scale": self.scale or None,
            # A centering has no pivot; it is that of what follows.
            "pivot": None if self.turn or self.expand is not None else self.pivot,
            "sources": split_names(self.sources),
        }
        return without_none(values)

    @property
    def automatic(self) -> bool:
        """Whether the remedy is chosen by measuring."""
        return self.method == "auto"

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method or "center"

    def turned(
        self, center: Any, documents: Any, languages: Any = None, groups: Any = None, *, bars: bool = False
    ) -> Any:
        """The centering, followed by a turn if there is to be one."""
        if not self.turn:
            return center
        from clinometer.mining import turned

        options = without_none({"sample": self.turn_sample, "pivot": self.pivot})
        return turned(center, documents, languages, groups=groups, seed=self.seed, show_progress_bar=bars, **options)

    def expanded(self, correction: Any, documents: Any, *, bars: bool) -> Any:
        """The expansion of a store's documents after the correction; None if there is to be none."""
        if self.expand is None:
            return None
        from clinometer.mining import expanded

        options = without_none({"pivot": self.pivot})
        return expanded(
            documents, correction=correction, weight=self.expand, seed=self.seed, show_progress_bar=bars, **options
        )

    def advising(self) -> dict[str, Any]:
        """Options of `clinometer.advice`."""
        names = {"texts": self.sample, "tolerance": self.tolerance, "pivot": self.pivot}
        return {**without_none(names), "seed": self.seed}

    def drawing(self) -> dict[str, Any]:
        """Options of the sample."""
        return {"queries_by": self.queries_by, "seed": self.seed, "pivot": self.pivot or "en"}


def correct(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|STORE",
            help="Collection, as for clinometer evaluate, to fit a correction; or folder of stored embeddings, to fit "
            "and apply one.",
        ),
    ],
    output: Annotated[Path, output_option("NPZ|STORE", "File of the correction, or folder of the new store.")],
    fitting: Fitting,
    reading: Source,
    vectors: Precomputed,
    progress: Progress,
    correction: Annotated[
        Path | None,
        option("NPZ", "Fitted correction to apply to STORE.", panel="Remedies"),
    ] = None,
    adapter: Adapter = None,
    json: Json = False,
    force: Force = False,
) -> None:
    """Fit a correction that straightens embeddings without training, and apply it to stored embeddings.

    Example:
        clinometer correct demo --languages en,de,zh -o center.npz
    """
    if _is_source(source):
        if correction is not None:
            raise UsageError(
                f"--correction is for stored embeddings, but {source} is a collection; give the folder of a store, or "
                "measure its effect with clinometer evaluate --correction"
            )
        if fitting.expand is not None:
            raise UsageError(
                f"--expand blends the documents of one store, but {source} is a collection; give the folder of a "
                "store, or measure its effect with clinometer evaluate --expand"
            )
        if output.suffix != ".npz":
            raise UsageError(f"{output}: a correction is a .npz file; give a name that ends in .npz")
        check_target(output)
        check = partial(refuse_other_correction, output, force=force)
        texts = _read(source, reading, vectors, adapter, fitting, check)
        if fitting.automatic:
            result = advised(*texts, fitting.advising(), progress.bars)
        else:
            result = fitted(fitting, _sampled(*texts, fitting, progress.bars), bars=progress.bars)
        if result["correction"] is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            result["correction"].save(output)
    else:
        if unused := options_set(vectors, reading) + ["--adapter"] * (adapter is not None):
            raise UsageError(f"{source} holds embeddings, not texts; leave out {', '.join(unused)}")
        if force:
            raise UsageError("--force is for a file of a correction; a corrected store needs a new folder")
        result = _stored(source, fitting, correction, output, progress.bars)
    warn(result["warnings"])
    _show(result, source, output, json)


def _is_source(source: str) -> bool:
    if is_url(source):
        return False
    if source == "demo" or (":" in source and not Path(source).is_dir()):
        return True
    if not Path(source).is_dir():
        raise UsageError(
            f"{source!r} is neither a collection nor the folder of a store; expected a collection as for clinometer "
            "evaluate, such as demo or xquad:DIR, or a folder from clinometer encode"
        )
    return False


def _read(
    source: str,
    reading: Source,
    vectors: Precomputed,
    adapter: Path | None,
    fitting: Fitting,
    check: Callable[[EncoderRecord, str], None],
) -> tuple[Any, Any, Any]:
    """The collection, the encoder, and the function that adds the adapter to it."""
    if not fitting.automatic:
        _check(fitting)
    remedies = RemedyFiles(adapter, None)
    remedies.load()
    collection = reading.load(source)
    collection.require_texts("a correction")
    sys.stderr.write(collection.summary() + "\n")
    encoder = vectors.make()
    warn(encoder.record.warnings)
    adapted = partial(remedies.applied_to, collection=collection)
    check(adapted(encoder).record, collection.name)
    return collection, encoder, adapted


def _check(fitting: Fitting) -> None:
    """Refuse an unknown method, or an option that it does not have, before anything is read."""
    from clinometer.correction import METHODS, check_options  # here, so that `--help` comes at once

    if fitting.name not in METHODS:
        raise UsageError(f"unknown correction {fitting.name!r}; expected {one_of(fitting.name, [*METHODS, 'auto'])}")
    check_options(fitting.name, list(fitting.options()))


def _sampled(collection: Any, encoder: Any, adapted: Any, fitting: Fitting, bars: bool) -> Any:
    from clinometer.correction.fitting import encode_sample

    return encode_sample(
        collection,
        encoder,
        fitting.name,
        texts=fitting.sample or _TEXTS,
        adapted=adapted,
        whole_index=fitting.turn,
        show_progress_bar=bars,
        **fitting.drawing(),
    )


def fitted(fitting: Fitting, sample: Any, store: Any = None, *, bars: bool = False) -> dict[str, Any]:
    """The correction, and what is known of its fit.

    Args:
        fitting: How it is fitted.
        sample: A `Sample`; a turn is found in its index, if it has one.
        store: Store of all documents, for a turn of stored rows.
        bars: Whether a long search for translations shows its progress.
    """
    from clinometer.correction.fitting import fit_sample, summary
    from clinometer.mining.pairs import known_groups

    correction = fit_sample(fitting.name, sample, **fitting.options())
    if store is not None:
        correction = fitting.turned(correction, store, bars=bars)
    elif sample.index is not None:
        index = sample.index
        correction = fitting.turned(correction, index.vectors, index.languages, known_groups(index.groups), bars=bars)
    languages, warnings = summary(correction, sample)
    return {"correction": correction, "languages": languages, "warnings": warnings}


def _stored(source: str, fitting: Fitting, path: Path | None, output: Path, bars: bool) -> dict[str, Any]:
    from clinometer.correction import load
    from clinometer.correction.expansion import refuse_expanded
    from clinometer.correction.stores import check_target, correct_store, sample_store
    from clinometer.store import EmbeddingStore, find_store, stores_in

    of_expansion = ("--seed",) if fitting.expand is None else ("--seed", "--expand", "--pivot")
    if path is not None and (unused := [name for name in options_set(fitting) if name not in of_expansion]):
        raise UsageError(f"{path} is already fitted; leave out {', '.join(unused)}")
    check_target(output)
    documents = None if fitting.expand is None else EmbeddingStore.open(find_store(source, "documents"))
    if documents is not None:
        refuse_expanded(documents.record)
    if fitting.automatic:
        fitted_on = Path("the sample")
        result = advised_store(source, fitting.sample or ROWS, fitting.advising())
        if result["correction"] is None:
            return result
    elif path is None:
        _check(fitting)
        fitted_on = Path("the sample")
        sample = sample_store(source, fitting.name, texts=fitting.sample or ROWS, **fitting.drawing())
        result = fitted(fitting, sample, EmbeddingStore.open(find_store(source, "documents")), bars=bars)
    else:
        fitted_on = correction_file(path)
        result = {"correction": load(fitted_on), "languages": [], "warnings": []}
    for stage, folder in stores_in(source).items():
        known_languages(fitted_on, result["correction"], stage, EmbeddingStore.open(folder).languages)
    expansion = None if documents is None else fitting.expanded(result["correction"], documents, bars=bars)
    if expansion is not None:
        result |= {"expansion": expansion, "warnings": [*result["warnings"], *expansion.notices()]}
    rows = correct_store(source, output, result["correction"], expansion=expansion, show_progress_bar=bars)
    warnings = [text for folder in stores_in(output).values() for text in EmbeddingStore.open(folder).record.warnings]
    return result | {"rows": rows, "warnings": list(dict.fromkeys([*result["warnings"], *warnings]))}


def _number(option: str, text: str | None, kind: type[int] | type[float]) -> Any:
    """The number in it, or `auto`; None for None."""
    if text is None or text == "auto":
        return text
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} is {text!r}; give auto or a number") from None


def _show(result: dict[str, Any], source: str, output: Path, json: bool) -> None:
    correction = result["correction"]
    rows = result.get("rows", {})
    if json:
        record = {
            "source": source,
            "correction": correction and {"digest": correction.digest, **correction.describe()},
            "languages": result["languages"],
            "rows": rows,
            "warnings": result["warnings"],
            **({"advice": result["advice"].to_dict()} if "advice" in result else {}),
            **({"expansion": result["expansion"].entry()} if "expansion" in result else {}),
            "output": correction and str(output),
            **origin(),
        }
        sys.stdout.write(json_bytes(record).decode())
    else:
        from clinometer.cli.correction_tables import expansion_lines, fit_lines

        lines = advice_lines(result["advice"]) if "advice" in result else fit_lines(correction, result["languages"])
        if "expansion" in result:
            lines += ["", *expansion_lines(result["expansion"])]
        sys.stdout.write("\n".join(lines) + "\n")
    if correction is None:
        sys.stderr.write(f"wrote nothing to {output}, since no remedy is to be taken\n")
        return
    counts = " and ".join(f"{count:,} {stage}" for stage, count in rows.items())
    sys.stderr.write(f"wrote {f'{counts} and correction.npz' if counts else 'the correction'} to {output}\n")
