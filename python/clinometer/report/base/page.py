"""Pages from templates, which escape all text; only figures, which are made here, go in as markup."""

from __future__ import annotations

from importlib import import_module, resources
from typing import Any

from clinometer.errors import MissingExtraError, printable

__all__ = ["fill", "require_extra"]


def require_extra(feature: str = "the HTML report") -> None:
    """Check, before any work, that the packages of the HTML report and of figures are installed.

    Args:
        feature: What needs them, for the message.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    for package in ("jinja2", "matplotlib"):
        try:
            import_module(package)
        except ImportError:
            raise MissingExtraError(feature, "report") from None


def fill(template: str, **facts: Any) -> str:
    """A page from one of the templates in this folder, all texts escaped.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    require_extra()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = resources.files(__package__)
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        # Figures, which are markup and no `str` alone, stay as they are.
        finalize=lambda value: printable(value, lines=True) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**facts) + "\n"
