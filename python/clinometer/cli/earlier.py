"""Results of an earlier run under the name of new ones: those of another encoder or collection are not overwritten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from clinometer.cli.expansion import option
from clinometer.errors import FormatError, UsageError, first_few, shortened
from clinometer.files import check_target, regular

if TYPE_CHECKING:
    from clinometer.encoders import EncoderRecord

__all__ = ["Force", "identity", "refuse_other", "refuse_other_correction", "refuse_other_page", "refuse_other_scan"]

Force = Annotated[
    bool,
    option(None, "Replacement of results of another encoder, collection or training.", "--force", panel="Output"),
]

_ENCODER = (
    "name",
    "kind",
    "revision",
    "query_prompt",
    "document_prompt",
    "max_length",
    "dtype",
    "remedies",
    "settings",
)
"""What makes an encoder another one; the rest of its record follows from it, or is known only after the run."""

_COLLECTION = ("name", "languages", "digest")

_FIX = "choose another name, or replace them with --force"


def identity(encoder: EncoderRecord | Mapping[str, Any], collection: Mapping[str, Any]) -> dict[str, Any]:
    """What distinguishes results, from the record of their encoder and the description of their collection."""
    import msgspec

    from clinometer.correction.expansion import known_before

    record = known_before(msgspec.to_builtins(encoder))
    return {
        **{f"encoder {name.replace('_', ' ')}": record.get(name) for name in _ENCODER},
        **{f"collection {name}": collection.get(name) for name in _COLLECTION},
    }


def refuse_other(path: Path, *new: Mapping[str, Any], force: bool) -> None:
    """Refuse to replace a JSON file of results that have another identity.

    Args:
        path: The file.
        new: `identity` of the new results; several for a comparison. A revision that is not known yet is not compared.
        force: Whether to replace it all the same.

    Raises:
        UsageError: The message says what differs.
    """
    if not _must_match(path, force):
        return
    try:
        results = _content(path)
        encoders = results["encoders"] if len(new) > 1 else [results["encoder"]]
        old = [identity(encoder, results["collection"]) for encoder in encoders]
    except (FormatError, KeyError, AttributeError, TypeError):
        raise UsageError(f"{path} exists and does not hold such results; {_FIX}") from None
    if len(old) != len(new):
        raise UsageError(f"{path} holds results of {len(old)} encoders, now {len(new)}; {_FIX}")
    differences = {
        name: f"{name} {shortened(repr(before[name]), 60)}, now {shortened(repr(value), 60)}"
        for before, now in zip(old, new, strict=True)
        for name, value in now.items()
        if value != before[name] and (value or name != "encoder revision")
    }
    if differences:
        _refuse(path, differences)


def refuse_other_scan(path: Path, new: Mapping[str, Mapping[str, Any]], *, force: bool) -> None:
    """Refuse to replace the results of a scan of other stores, which `described` tells apart by their digests.

    Raises:
        UsageError: The message says what differs.
    """
    if not _must_match(path, force):
        return
    try:
        old = _content(path)
        differences = {
            f"{side} {name}": f"{name} of the {side} {old[side][name]!r}, now {store[name]!r}"
            for side, store in new.items()
            for name in ("path", "rows", "digest")
            if store["digest"] != old[side]["digest"] and store[name] != old[side][name]
        }
    except (FormatError, KeyError, TypeError):
        raise UsageError(f"{path} exists and is not of a scan; {_FIX}") from None
    if differences:
        raise UsageError(f"{path} is of a scan of other stores ({'; '.join(differences.values())}); {_FIX}")


def refuse_other_page(path: Path, lines: Sequence[str], *, force: bool) -> None:
    """Refuse to replace a page that does not have the lines on encoders and collection that the new one has.

    Raises:
        UsageError: The message gives the missing lines.
    """
    if not _must_match(path, force):
        return
    page = _plain(regular(path).read_text(encoding="utf-8", errors="replace"))
    if missing := [line for line in lines if not re.search(re.escape(_plain(line)) + r"(?!\w)", page)]:
        raise UsageError(f"{path} exists and is of other results: it does not have {first_few(missing)}; {_FIX}")


def refuse_other_correction(path: Path, encoder: EncoderRecord, source: str, *, force: bool) -> None:
    """Refuse to replace a correction that was fitted on other texts or for another encoder.

    Raises:
        UsageError: The message says what differs.
    """
    from clinometer.correction import load

    if not _must_match(path, force):
        return
    try:
        old = load(path).settings.get("fitted_on") or {}
    except FormatError:
        raise UsageError(f"{path} exists and is not a correction; {_FIX}") from None
    new = {"encoder name": encoder.name, "encoder kind": encoder.kind, "collection name": source}
    before = {"encoder name": old.get("encoder"), "encoder kind": old.get("kind"), "collection name": old.get("source")}
    differences = {
        name: f"{name} {before[name]!r}, now {value!r}" for name, value in new.items() if value != before[name]
    }
    if differences:
        _refuse(path, differences)


def _must_match(path: Path, force: bool) -> bool:
    """Whether there is a file that new results may only replace if they are of the same kind."""
    check_target(path)
    return not force and path.exists()


def _content(path: Path) -> dict[str, Any]:
    from clinometer.contents import decode_json

    return decode_json(regular(path).read_bytes(), dict[str, Any], path, _FIX)


def _refuse(path: Path, differences: Mapping[str, str]) -> NoReturn:
    whose = " and ".join(dict.fromkeys(f"another {name.partition(' ')[0]}" for name in differences))
    raise UsageError(f"{path} holds results of {whose} ({'; '.join(list(differences.values())[:3])}); {_FIX}")


def _plain(text: str) -> str:
    """Text without the escapes of HTML and Markdown."""
    from html import unescape

    return " ".join(unescape(text).replace("\\", "").split())
