"""The steps of a realistic pool as text, such as `skew(en=0.9, de=0.05)`: for command line and configuration.

A step is a name and arguments in brackets, separated by commas; an argument is `name=value`, or one bare number. A
comma not followed by `name=` is part of a value, so `distract(a=parallel:X.jsonl,Y.jsonl)` has one argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from clinometer.collection import Collection
from clinometer.errors import UsageError, shown
from clinometer.io import load
from clinometer.languages import canonical
from clinometer.numerals import read_int, read_number
from clinometer.parameters import checked
from clinometer.parameters import texts as list_of_texts
from clinometer.pools.distractors import distract
from clinometer.pools.duplicates import near_duplicates
from clinometer.pools.originals import untranslated
from clinometer.pools.shares import skew
from clinometer.pools.switched import code_switch
from clinometer.pools.translations import translate_partly
from clinometer.suggestions import one_of

__all__ = ["FORMS", "Step", "apply", "parse", "with_sources"]

FORMS = {
    "skew": "skew(en=0.9, de=0.05, queries=complete|own|any, seed=0)",
    "translate_partly": "translate_partly(0.5, rest=pivot|random, queries=any|own|complete, pivot=en, seed=0)",
    "near_duplicates": "near_duplicates(0.1, of=all|relevant, judged=yes|no, seed=0)",
    "untranslated": "untranslated(0.1, how=labelled|relabelled|half, pivot=en, seed=0)",
    "code_switch": "code_switch(0.5, how=tokens|halves, pivot=en, seed=0)",
    "distract": "distract(NAME=SOURCE, size=2000, seed=0)",
}
_STEP = re.compile(r"\s*([A-Za-z_-]+)\s*\((.*)\)\s*", re.DOTALL)
_COMMA = re.compile(r",(?=\s*[\w-]+\s*=)")
_ARGUMENT = re.compile(r"\s*(?:([\w-]+)\s*=)?\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One parsed step.

    Args:
        text: Text of the step.
        name: Name of the step.
        options: Arguments by name; `shares` of `skew` and `others` of `distract` (names and sources) are dictionaries.
    """

    text: str
    name: str
    options: dict[str, Any]


class _Value(NamedTuple):
    """Description of an option's values, and their parser, which raises ValueError or KeyError."""

    words: str
    read: Callable[[str], Any]


def _one_of(*names: str) -> _Value:
    return _Value(" or ".join(names), {name: name for name in names}.__getitem__)


def _whole(text: str) -> int:
    number = read_int(text)
    if number < 0:
        raise ValueError
    return number


def _share(text: str) -> float:
    share = read_number(text)
    if not 0 <= share <= 1:
        raise ValueError
    return share


_SHARE = _Value("a number from 0 to 1", _share)
_SEED, _SIZE = _Value("a whole number", _whole), _Value("a whole number of documents", _whole)
_PIVOT = _Value("a language", canonical)
_YES = _Value("yes or no", {"yes": True, "no": False}.__getitem__)
_KEEP = _one_of("complete", "own", "any")
# `share` may be written as a bare number.
_OPTIONS: dict[str, dict[str, _Value]] = {
    "skew": {"queries": _KEEP, "seed": _SEED},
    "translate_partly": {
        "share": _SHARE, "rest": _one_of("pivot", "random"), "queries": _KEEP, "pivot": _PIVOT, "seed": _SEED,
    },
    "near_duplicates": {"share": _SHARE, "of": _one_of("all", "relevant"), "judged": _YES, "seed": _SEED},
    "untranslated": {
        "share": _SHARE, "how": _one_of("labelled", "relabelled", "half"), "pivot": _PIVOT, "seed": _SEED,
    },
    "code_switch": {"share": _SHARE, "how": _one_of("tokens", "halves"), "pivot": _PIVOT, "seed": _SEED},
    "distract": {"size": _SIZE, "seed": _SEED},
}  # fmt: skip
_FREE = {"skew": "shares", "distract": "others"}
"""Steps whose other arguments have names chosen by the user: languages, or collections."""


def parse(texts: Iterable[str]) -> list[Step]:
    """Parse steps.

    Args:
        texts: Steps such as `skew(en=0.9,de=0.05)` and `distract(tico19=parallel:FILE, size=2000)`; names of steps may
            have hyphens in place of underscores.

    Returns:
        The steps in the same order.

    Raises:
        UsageError: Parts cannot be parsed; the message names all of them, with the expected form.

    Example:
        >>> step = parse(["skew(en=0.9, deu_Latn=0.05, seed=3)"])[0]
        >>> step.name, step.options
        ('skew', {'shares': {'en': 0.9, 'de': 0.05}, 'seed': 3})
    """
    if isinstance(texts, str):
        raise UsageError(f"steps of a pool must be a list of texts, not one text; write [{shown(texts)}]")
    texts = list_of_texts(texts, "steps of a pool")
    steps: list[Step] = []
    problems: list[str] = []
    for text in texts:
        try:
            steps.append(_step(text, problems))
        except UsageError as error:
            problems.append(f"{text!r}: {error}")
    if problems:
        raise UsageError(f"the pool cannot be built: {'; '.join(dict.fromkeys(problems))}")
    return steps


def with_sources(text: str, change: Callable[[str], str]) -> str:
    """The text of a step with other sources of distractors, such as with paths of another folder.

    Args:
        text: Text of a step; one that cannot be parsed stays as it is, for `parse` to refuse.
        change: Function from a source to the one that takes its place.

    Example:
        >>> with_sources("distract(web=beir:pages, size=2000)", lambda source: source.replace(":", ":data/"))
        'distract(web=beir:data/pages,size=2000)'
    """
    match = _STEP.fullmatch(text)
    if match is None or match[1].lower() != "distract":
        return text
    parts = []
    for part in _COMMA.split(match[2]):
        argument = _ARGUMENT.fullmatch(part)
        if argument is None or argument[1] is None:
            return text
        key, value = argument[1], argument[2]
        parts.append(f"{key}={value if key in _OPTIONS['distract'] else change(value)}")
    return f"{match[1]}({','.join(parts)})"


def _step(text: str, problems: list[str]) -> Step:
    match = _STEP.fullmatch(text)
    if match is None:
        raise UsageError(f"not a step; write one like {FORMS['skew']}")
    name = match[1].lower().replace("-", "_")
    if name not in FORMS:
        raise UsageError(f"unknown step {match[1]!r}; expected {one_of(match[1], FORMS)}")
    options: dict[str, Any] = {_FREE[name]: {}} if name in _FREE else {}
    value_types = _OPTIONS[name]
    complaints: list[str] = []
    for part in _COMMA.split(match[2]) if match[2].strip() else []:
        argument = _ARGUMENT.fullmatch(part)
        key, value = (argument[1] or "", argument[2]) if argument else ("", part)
        key = "share" if not key and "share" in value_types else key
        try:
            if key in options or key in options.get(_FREE.get(name, ""), {}):
                complaints.append(f"{key} is repeated")
            elif key in value_types:
                options[key] = value_types[key].read(value)
            elif name in _FREE and key and value:
                _free(name, options[_FREE[name]], key, value)
            else:
                complaints.append(f"{part.strip()!r} is not an argument of {name}")
        except (ValueError, KeyError):
            expected = value_types[key].words if key in value_types else "a language and a number from 0 to 1"
            complaints.append(f"{part.strip()!r} should be {expected}")
    required = _FREE.get(name, "share")
    if not complaints and name != "code_switch" and options.get(required) in (None, {}):
        complaints.append(f"{required} is missing")
    if complaints:
        problems.append(f"{text!r}: {', '.join(complaints)} (write {FORMS[name]})")
    return Step(text.strip(), name, options)


def _free(name: str, arguments: dict[str, Any], key: str, value: str) -> None:
    if name == "skew":
        label = canonical(key)
        if label in arguments:
            raise ValueError
        arguments[label] = _share(value)
    else:
        arguments[key] = value


_STEPS: dict[str, Callable[..., Collection]] = {
    "skew": skew,
    "translate_partly": translate_partly,
    "near_duplicates": near_duplicates,
    "untranslated": untranslated,
    "code_switch": code_switch,
    "distract": distract,
}


@checked
def apply(collection: Collection, steps: Iterable[str | Step], *, pivot: str = "en") -> Collection:
    """Apply steps in order.

    Args:
        collection: Initial collection.
        steps: Texts that `clinometer.pools.grammar.parse` reads, or parsed steps.
        pivot: Pivot of steps that need one and do not name it.

    Returns:
        The pool; its notes describe each step.

    Raises:
        UsageError: Steps that cannot be parsed, all of them named, or arguments that do not suit the collection.
        ClinometerError: The source of a distractor cannot be read.

    Example:
        >>> import clinometer as cm
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> pool = cm.pools.apply(demo, ["skew(en=0.8)", "near-duplicates(0.1)"])
        >>> pool.notes["pool_1"]["documents"], pool.notes["pool_2"]["near-duplicates"]
        ('en 74, de 19', 'en 7, de 2')
    """
    items = [steps] if isinstance(steps, (str, bytes)) else list(steps)
    if strangers := [item for item in items if not isinstance(item, (str, Step))]:
        raise UsageError(f"steps of a pool must be texts or parsed steps, not {shown(strangers[0])}")
    parsed = iter(parse([step for step in items if isinstance(step, str)]))
    for step in [next(parsed) if isinstance(item, str) else item for item in items]:
        options = dict(step.options)
        if "pivot" in _OPTIONS[step.name]:
            options.setdefault("pivot", pivot)
        if step.name == "distract":
            options["others"] = {name: load(source) for name, source in options["others"].items()}
        collection = _STEPS[step.name](collection, **options)
    return collection
