"""Dataclasses of options as options of commands: each option is declared once, for all commands that take it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeGuard, TypeVar, get_args, get_type_hints

import typer

from clinometer.cli.completion import completing
from clinometer.files import expanded, refuse_url

__all__ = [
    "OptionGroup",
    "at_home",
    "built",
    "expand",
    "is_group",
    "option",
    "option_name",
    "options_set",
    "output_option",
    "with_parameters",
]

_Group = TypeVar("_Group", bound="OptionGroup")


@dataclass(frozen=True)
class OptionGroup:
    """Options that belong together; a subclass is a frozen dataclass with a field for each.

    A field is `Annotated[type, option(...)]`, or a group. `__post_init__` checks what does not depend on other groups
    and raises a `UsageError` that names the option.
    """

    panel: ClassVar[str] = "Options"
    """Heading of the options in `--help`."""


def option(metavar: str | None, text: str, *names: str, panel: str | None = None, **rules: Any) -> Any:
    """An option for `Annotated`: metavariable (None for a flag), help, and names."""
    rules.setdefault("autocompletion", completing(metavar))
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, **rules)


def output_option(metavar: str, text: str) -> Any:
    """The option `-o`, `--output`."""
    return option(metavar, text, "-o", "--output", panel="Output")


def expand(command: Callable[..., None]) -> Callable[..., None]:
    """The command for typer: each parameter that is an `OptionGroup` becomes the options of the group.

    In the values of all options `~` at the beginning of a path is the home folder; a URL is not a path.

    Example:
        >>> @dataclass(frozen=True)
        ... class Source(OptionGroup):
        ...     languages: Annotated[str | None, option("A,B,...", "Languages.")] = None
        >>> def convert(source: Source) -> None:
        ...     print(source)
        >>> list(inspect.signature(expand(convert)).parameters)
        ['languages']
        >>> expand(convert)(languages="en,de")
        Source(languages='en,de')
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[OptionGroup]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if is_group(kind := hints[name]):
            groups[name] = kind
            parameters += _parameters(kind, parameter.default)
        else:
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name]))

    @wraps(command)
    def run(**values: Any) -> None:
        values = {name: at_home(value) for name, value in values.items()}
        options = {name: built(kind, values) for name, kind in groups.items()}
        command(**values, **options)

    return with_parameters(run, parameters)


def with_parameters(run: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> Callable[..., None]:
    """The function, with these parameters for typer to read."""
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def at_home(value: Any) -> Any:
    """The value with `~` expanded in paths, and in names that begin like one."""
    if isinstance(value, Path):
        refuse_url(value, "only stores of embeddings are read from object storage, and nothing is written there")
        return expanded(value)
    if isinstance(value, str) and value.startswith("~/"):
        return str(expanded(value))
    return [at_home(item) for item in value] if isinstance(value, list) else value


def _parameters(kind: type[OptionGroup], defaults: Any) -> Iterator[inspect.Parameter]:
    """A parameter for each option; the fields of `defaults`, if it is a group, replace the group's own defaults."""
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        default = getattr(defaults, field.name) if isinstance(defaults, kind) else field.default
        if is_group(inner := hints[field.name]):
            yield from _parameters(inner, default)
            continue
        annotation, info = get_args(inner)
        info = copy(info)
        info.rich_help_panel = kind.panel
        parameter = inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[annotation, info]
        )
        yield parameter if default is MISSING else parameter.replace(default=default)


def built(kind: type[_Group], values: dict[str, Any]) -> _Group:
    """The group from `values`, from which its values are removed."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    return kind(**{name: built(hints[name], values) if is_group(hints[name]) else values.pop(name) for name in names})


def is_group(annotation: Any) -> TypeGuard[type[OptionGroup]]:
    """Whether an annotation is a group of options."""
    return isinstance(annotation, type) and issubclass(annotation, OptionGroup)


def option_name(kind: type[OptionGroup], field: str) -> str:
    """The name of the option of a field, such as `--max`; by default that of the field."""
    info = get_args(get_type_hints(kind, include_extras=True)[field])[1]
    # In an annotation the first name takes the place of a default value.
    names = [str(name) for name in (info.default, *(info.param_decls or ())) if str(name).startswith("--")]
    return names[0].partition("/")[0] if names else "--" + field.replace("_", "-")


def options_set(*groups: OptionGroup) -> list[str]:
    """Names of the options whose value is not the default.

    Example:
        >>> @dataclass(frozen=True)
        ... class Encoding(OptionGroup):
        ...     max_length: Annotated[int | None, option("N", "Longest input.")] = None
        ...     device: Annotated[str | None, option("NAME", "Device.")] = None
        >>> options_set(Encoding(max_length=9))
        ['--max-length']
    """
    names = []
    for group in groups:
        for field in fields(group):
            value = getattr(group, field.name)
            if isinstance(value, OptionGroup):
                names += options_set(value)
            elif value != field.default:
                names.append(option_name(type(group), field.name))
    return names
