"""`--config FILE`: options of a command from a YAML file, with the same names; the command line wins."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.endings import with_errors_reported
from clinometer.cli.expansion import at_home, option, with_parameters
from clinometer.files import is_url

__all__ = ["CONFIGURED", "options_of_file", "origin", "with_config"]

CONFIGURED = ("evaluate", "correct", "scan", "encode", "compare", "check", "train")
"""Commands that take a file of options."""

_configured: ContextVar[tuple[Any, Path, dict[str, tuple[str, Any]]] | None] = ContextVar("_configured", default=None)
"""The context of the command, its file of options, and parameter and text of each key."""

_PATHS = {"NPY", "NPZ", "STORE", "DIR", "FILE", "TREC", "RESULTS", "BEFORE AFTER..."}
"""Metavariables of options and arguments that are paths, whatever their type."""


def with_config(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option `--config`, which is read before all others."""

    @wraps(command)
    def run(*, config: Path | None = None, **values: Any) -> None:  # noqa: ARG001
        try:
            command(**values)
        finally:
            _configured.set(None)

    signature = inspect.signature(command)
    annotation = Annotated[
        Path | None,
        option(
            "FILE",
            "YAML file of options and arguments by name; those of the command line win, and its paths are relative to "
            "its folder.",
            "--config",
            panel="Configuration",
            is_eager=True,
            callback=with_errors_reported(_read),
        ),
    ]
    parameter = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=None)
    return with_parameters(run, [*signature.parameters.values(), parameter])


def origin() -> dict[str, Any]:
    """How a command was called, for the record of its results: its words, and the options from a file of options."""
    return {"command": shlex.join(["clinometer", *sys.argv[1:]]), **options_of_file()}


def options_of_file() -> dict[str, Any]:
    """The file of options and the options that came from it, as `config`; nothing without a file."""
    if (configured := _configured.get()) is None:
        return {}
    context, file, values = configured
    # What the command line has as well does not come from the file.
    used = {name: text for name, (parameter, text) in values.items() if _from_file(context, parameter)}
    return {"config": {"file": str(file), "options": used}}


def _from_file(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"


def _read(context: typer.Context, value: Path | None) -> None:
    """Make the values of the file the defaults of the other parameters."""
    _configured.set(None)
    if value is None or context.resilient_parsing:
        return
    value = at_home(value)
    texts, values = _values(context, value)
    context.default_map = {**(context.default_map or {}), **values}
    _configured.set((context, value, texts))


def _values(context: Any, path: Path) -> tuple[dict[str, tuple[str, Any]], dict[str, Any]]:
    """Parameter and text of each key of the file, and the values by parameter."""
    from clinometer.cli.entries import Entry
    from clinometer.cli.yaml_file import read_yaml

    entry = Entry(path, read_yaml(path, "a configuration", "options of the command"), "a configuration")
    parameters = _parameters(context.command)
    entry.spelled({key.replace("-", "_"): key for key in parameters})
    texts: dict[str, tuple[str, Any]] = {}
    values: dict[str, Any] = {}
    for key, parameter in parameters.items():
        several = bool(getattr(parameter, "multiple", False)) or parameter.nargs != 1
        is_flag = bool(getattr(parameter, "is_flag", False))
        written = entry.written(key, several=several, joined=parameter.metavar == "A,B,...", is_flag=is_flag)
        if written is None:
            continue
        texts[key] = parameter.name, written
        located = [_located(parameter, text, path.parent) for text in written] if several else None
        value = located if located is not None else _located(parameter, str(written), path.parent)
        try:
            parameter.process_value(context, value)
        except typer.BadParameter as error:
            entry.fail(f"{key}: {error.message.rstrip('.')}", entry.line_of(key))
        values[parameter.name] = value
        if parameter.nargs == -1:
            _let_be_absent(parameter)
    entry.finish()
    return texts, values


def _let_be_absent(argument: Any) -> None:
    """Let an argument of any number of values, none of which is on the command line, take those of the file.

    click before 8.2 takes none as what was written.
    """
    consume = argument.consume_value

    def consumed(context: Any, words: Mapping[str, Any]) -> Any:
        written = words if words.get(argument.name) else {name: words[name] for name in words if name != argument.name}
        return consume(context, written)

    argument.consume_value = consumed


def _parameters(command: Any) -> Mapping[str, Any]:
    """The parameters by their keys: long names of options without hyphens at their beginning, names of arguments."""
    keys: dict[str, Any] = {}
    for parameter in command.params:
        if parameter.name == "config":
            continue
        long = [name[2:] for name in parameter.opts if name.startswith("--")]
        short = [name.lstrip("-") for name in parameter.opts]
        keys[(long or short)[0] if parameter.param_type_name == "option" else parameter.name.replace("_", "-")] = (
            parameter
        )
    return keys


def _located(parameter: Any, text: str, folder: Path) -> str:
    """The text of a value, with a relative path in it taken from the folder of the file."""
    metavars = str(parameter.metavar).split("|")
    if is_url(text) or not text:
        return text
    if "STEP" in metavars:
        from clinometer.pools.grammar import with_sources

        return with_sources(text, lambda source: _located_source(source, folder))
    if "SOURCE" in metavars and (":" in text or text == "demo"):
        return _located_source(text, folder)
    if parameter.name in ("encoder", "model"):
        return str(folder / text) if text.startswith(("./", "../")) or (folder / text).is_dir() else text
    return _placed(text, folder) if _PATHS.intersection(metavars) else text


def _located_source(source: str, folder: Path) -> str:
    """The source with its paths taken from the folder, if it has any."""
    from clinometer.io import FORMS

    kind, _, place = source.partition(":")
    if not FORMS.get(kind, "").startswith((f"{kind}:DIR", f"{kind}:FILE")):
        return source
    return f"{kind}:{','.join(_placed(part, folder) for part in place.split(','))}"


def _placed(path: str, folder: Path) -> str:
    return path if path.startswith("~") else str(folder / path)
