"""Pages of the reference that are made from the package itself when the site is built: measures and command line."""

from __future__ import annotations

from typing import Any

import typer.main
from mkdocs.structure.files import File, Files

from clinometer.cli import app
from clinometer.measures import KNOWN, parse

_BETTER = {True: "higher", False: "lower", None: "neither"}


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages to those that are written by hand."""
    for path, text in (("reference/measures.md", measures()), ("reference/command-line.md", command_line())):
        files.append(File.generated(config, path, content=text))
    return files


def measures() -> str:
    """Every form that a measure can be written in, and the docstrings of what computes it."""
    lines = [
        "# Measures",
        "",
        "Written as in ir_measures, `Name(key=value)@cutoff`; the spellings of trec_eval, ranx and MTEB are read as "
        "well. `[our definition]` stands where the formula is not a paper's or a standard. Made from the package.",
        "",
        "| write | better | unit | what it says of a query |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{measure}` | {_BETTER[measure.higher_is_better]} | {measure.unit} | {_cell(measure.summary)} |"
        for measure in parse(KNOWN)
    ]
    lines += ["", "A value is a mean over queries; a query for which a measure is not defined does not count as 0.", ""]
    for title, module in (
        ("Parallel answers and inclination", "clinometer.measures.language"),
        ("Language preference", "clinometer.measures.preference"),
        ("Fairness and consistency over languages", "clinometer.measures.fairness"),
        ("Standard measures", "clinometer.measures.ranking"),
        ("Geometry of the embeddings: alignment", "clinometer.geometry.alignment"),
        ("Geometry of the embeddings: mismatch", "clinometer.geometry.mismatch"),
        ("Geometry of the embeddings: isotropy", "clinometer.geometry.isotropy"),
    ):
        lines += [f"## {title}", "", f"::: {module}", "    options:", "      show_root_heading: false"]
        lines += ["      show_root_toc_entry: false", "      heading_level: 3", ""]
    return "\n".join(lines)


def command_line() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# Command line",
        "",
        "Results go to standard output, progress and notes to standard error. Exit codes: 0 it worked, 1 it failed or "
        "a check did not hold, 2 the command was not understood, 130 interrupted. Made from the package.",
        "",
    ]
    return "\n".join(lines + _commands(typer.main.get_command(app), "clinometer"))


def _commands(command: Any, name: str) -> list[str]:
    context = command.context_class(command, info_name=name)
    if parts := getattr(command, "commands", None):
        return [line for part in sorted(parts) for line in _commands(parts[part], f"{name} {part}")]
    lines = [
        f"## {name}",
        "",
        (command.help or "").strip(),
        "",
        f"    {' '.join(command.get_usage(context).split()[1:])}",
        "",
    ]
    options = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    if options:
        lines += ["| | default | |", "|---|---|---|"]
        lines += [_option(parameter, context) for parameter in options]
    return [*lines, ""]


def _option(parameter: Any, context: Any) -> str:
    shown = parameter.get_help_record(context)
    text = (getattr(parameter, "help", "") or "").strip()
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar or parameter.name.upper()}` | | {_cell(text)} |"
    names = (shown[0] if shown else ", ".join(parameter.opts)).replace("|", "&#124;")
    default = parameter.default
    plain = isinstance(default, (str, int, float)) and not isinstance(default, bool)
    return f"| <code>{names.replace('<', '&lt;')}</code> | {f'`{default}`' if plain else ''} | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
