"""Forms of an outcome: what `--format` prints, and what the ending of a file's name asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from clinometer.cli.expansion import option
from clinometer.errors import UsageError
from clinometer.suggestions import one_of

__all__ = ["Form", "form_of", "printed_form"]

Form = Annotated[
    str | None,
    option(
        "text|markdown|junit|json",
        "Form of standard output, with every detail; markdown is short, for a comment on a pull request.",
        "--format",
        panel="Output",
    ),
]

_FORMS = ("text", "markdown", "junit", "json")
_ENDINGS = {".txt": "text", ".md": "markdown", ".markdown": "markdown", ".xml": "junit", ".json": "json"}


def printed_form(form: str | None, *, json: bool) -> str:
    """The form of standard output from `--format` and `--json`.

    Raises:
        UsageError: The form is unknown, or the two options contradict each other.
    """
    if form is not None and form not in _FORMS:
        raise UsageError(f"unknown form {form!r} of --format; expected {one_of(form, _FORMS)}")
    if json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} contradict each other; give one of them")
    return "json" if json else form or "text"


def form_of(path: Path) -> str | None:
    """The form that the ending of a file's name asks for; None for another ending.

    Example:
        >>> form_of(Path("check.MD")), form_of(Path("check.pdf"))
        ('markdown', None)
    """
    return _ENDINGS.get(path.suffix.lower())
