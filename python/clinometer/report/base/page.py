"""Pages from templates, which escape all text; only figures, which are made here, go in as markup.

A page runs one script, the one of this folder, and its policy refuses every other and the network.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

from clinometer.errors import optional_package, printable
from clinometer.report.base.palette import painted, palette_css

__all__ = ["fill", "require_extra"]


def require_extra(feature: str = "the HTML report", package: str = "jinja2") -> None:
    """Check, before any work, that a package of the extra `report` is installed.

    Args:
        feature: What needs it, for the message.
        package: `jinja2` for pages, `matplotlib` for figures as PNG files.

    Raises:
        MissingExtraError: It is not installed.
    """
    optional_package(package, feature, "report")


def fill(template: str, **facts: Any) -> str:
    """A page from one of the templates in this folder, all texts escaped.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    require_extra()
    return f"{_environment().get_template(template).render(**facts)}\n"


@cache
def _environment() -> Any:
    """The templates, which are compiled once, with style and script."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        # Figures, which are markup and no `str` alone, stay as they are.
        finalize=lambda value: printable(value, lines=True) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["painted"] = painted
    script = _file("report.js")
    environment.globals.update(
        script=Markup(script),  # noqa: S704 - the package's own file
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        style=Markup(palette_css() + "\n" + _file("style.css")),  # noqa: S704
    )
    return environment


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
