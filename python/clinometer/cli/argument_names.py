"""Errors on the command line: the names of a function's arguments as the options that a user writes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from typer.models import OptionInfo

__all__ = ["option_names", "with_options"]

_OTHER_NAMES = {
    "centre": "centred",
    "document_language": "language",
    "language": "languages",
    "queries_by": "query_means",
    "rows": "rows_file",
    "run_file": "save_run",
    "sample": "texts",
    "seed": "seeds",
}
"""Arguments of the functions behind some options, by the name of the option's parameter."""

_VERBS = "is|are|has|have|must|needs|takes|counts|cannot"
_BEFORE, _AFTER = r"(?<![\w./\\=-])", r"(?![\w/\\=-]|\.\w)"
_QUOTED = re.compile(r"""((?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w))""")
_PARENTHESISED = re.compile(r"(\b\w+\([^()]*\))")
"""Measures and pools, `nDCG(judged_only=True)@10` or `skew(en=0.9, seed=0)`: their parameters are not options."""
_ASSIGNED = re.compile(_BEFORE + r"([a-z]\w*)=('[^']*'|\[[^\]]*\]|[\w.]+)")
_UNKNOWN = re.compile(r"^unknown option (.+) of (\w+); expected (.+)$")


def option_names(command: Callable[..., Any]) -> dict[str, str]:
    """The options of a command by the names of their arguments, such as `--max-length` by `max_length`."""
    names: dict[str, str] = {}
    others: dict[str, str] = {}
    for parameter in inspect.signature(command).parameters.values():
        info = next((part for part in get_args(parameter.annotation) if isinstance(part, OptionInfo)), None)
        if info is not None:
            # In an annotation the first name takes the place of a default value.
            written = [str(name).partition("/")[0] for name in (info.default, *(info.param_decls or ()))]
            written = [name for name in written if name.startswith("-")]
            long = [name for name in written if name.startswith("--")] or written
            names[parameter.name] = long[0] if long else "--" + parameter.name.replace("_", "-")
            if parameter.name in _OTHER_NAMES:
                others[_OTHER_NAMES[parameter.name]] = names[parameter.name]
    return others | names


def with_options(message: str, options: Mapping[str, str]) -> str:
    """The message of a function with the options of the command in place of its arguments; quoted values stay.

    Example:
        >>> options = {"memory_budget": "--memory-budget", "seed": "--seed", "freeze": "--freeze", "reader": "--reader"}
        >>> with_options("memory_budget is '1 GB'; write it like 4GB", options)
        "--memory-budget is '1 GB'; write it like 4GB"
        >>> with_options("this model has no word embeddings; use freeze='nothing'", options)
        'this model has no word embeddings; use --freeze nothing'
        >>> with_options("the seed of 'seed is' is unknown", options)
        "the seed of 'seed is' is unknown"
        >>> with_options("unknown option judged_only of beir; expected split", options)
        'unknown option --reader judged-only of beir; expected --reader split'
    """
    if match := _UNKNOWN.match(message):
        # Imported here, since only an error needs it.
        from clinometer.io import FORMS

        reads = "reader" in options and match[2] in FORMS
        unknown, known = (
            ", ".join(_option(name, options, reads) for name in part.split(", ")) for part in match.group(1, 3)
        )
        return f"unknown option {unknown} of {match[2]}; expected {known}"
    kept = _PARENTHESISED.split(message)
    return "".join(part if number % 2 else _translated(part, options) for number, part in enumerate(kept))


def _translated(message: str, options: Mapping[str, str]) -> str:
    message = _ASSIGNED.sub(lambda match: _assigned(match[1], match[2], options) or match[0], message)
    parts = _QUOTED.split(message)
    for name, option in options.items():
        pattern = _BEFORE + name + _AFTER
        if "_" not in name:
            # A common word is an argument only where a sentence is about it.
            pattern = (
                rf"(?:(?<=^)|(?<=; )){pattern}(?= (?:{_VERBS})\b)|(?:(?<=, but )|(?<= and )){pattern}(?= is\b)"
                rf"|(?:(?<=\bset )|(?<=\blower )){pattern}|(?<=\bleave ){pattern}(?= out)|(?<=\bor ){pattern}(?= to )"
            )
        parts[::2] = [re.sub(pattern, option, part) for part in parts[::2]]
    return "".join(parts)


def _option(name: str, options: Mapping[str, str], reads: bool) -> str:
    """The option of an argument; one of a reader may have none of its own."""
    name = name.strip()
    if name not in options and reads and name.isidentifier() and name != "none":
        return f"--reader {name.replace('_', '-')}"
    return options.get(name, name)


def _assigned(name: str, value: str, options: Mapping[str, str]) -> str | None:
    """`--name value` for `name='value'`; None where the command has no such option."""
    if name not in options:
        return f"--reader {name.replace('_', '-')}={_shown(value)}" if "reader" in options and "_" in name else None
    return options[name] if value == "True" else f"{options[name]} {_shown(value)}"


def _shown(value: str) -> str:
    return "true" if value == "True" else ",".join(part.strip(" '") for part in value.strip("[]").split(","))
