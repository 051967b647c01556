"""Pages of the reference that are made from the package itself when the site is built: measures and command line."""

from __future__ import annotations

from typing import Any

import typer.main
from mkdocs.structure.files import File, Files

from clinometer.cli import app
from clinometer.cli.help import headed
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
        "well. `[our definition]` marks a formula that is not from a paper or a standard. Made from the package.",
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
        ("PEER and MRC as in MIMO", "clinometer.measures.mimo"),
        ("Standard measures", "clinometer.measures.ranking"),
        ("Expected reciprocal rank", "clinometer.measures.cascade"),
        ("Calibration", "clinometer.measures.abstention"),
        ("Geometry of the embeddings: alignment", "clinometer.geometry.alignment"),
        ("Geometry of the embeddings: mismatch", "clinometer.geometry.mismatch"),
        ("Geometry of the embeddings: isotropy", "clinometer.geometry.isotropy"),
    ):
        lines += [f"## {title}", "", f"::: {module}", "    options:", "      show_root_heading: false"]
        lines += ["      show_root_toc_entry: false", "      heading_level: 3", ""]
    return "\n".join(lines)


def command_line() -> str:
    """Every command with its arguments and options, under the headings of `--help`."""
    lines = [
        "# Command line",
        "",
        "Results go to standard output, progress and notes to standard error. Exit codes: 0 it worked, 1 it failed or "
        "a check did not hold, 2 the command was not understood, 130 interrupted, 141 nobody read the output. Options "
        "that several commands take are the same in all of them. `clinometer --install-completion` installs completion "
        "for bash, zsh, fish or PowerShell. Made from the package.",
        "",
    ]
    program: Any = typer.main.get_command(app)
    context = program.context_class(program, info_name="clinometer")
    heading = None
    for name in program.list_commands(context):
        command = program.commands[name]
        if command.rich_help_panel != heading:
            heading = command.rich_help_panel
            lines += [f"## {heading}", ""]
        parts = {f"{name} {part}": command.commands[part] for part in getattr(command, "commands", ())}
        for path, part in (parts or {name: command}).items():
            lines += _command(part, f"clinometer {path}")
    return "\n".join(lines)


def _command(command: Any, name: str) -> list[str]:
    context = command.context_class(command, info_name=name)
    code = [f"{name} {' '.join(command.collect_usage_pieces(context))}", "", *command.epilog.splitlines()]
    lines = [f"### {name}", "", command.help.strip(), "", *(f"    {line}".rstrip() for line in code), ""]
    lines += ["| | | |", "|---|---|---|"]
    for heading, rows in headed(command, context).items():
        if options := [_option(*row) for row in rows if "--help" not in row[0]]:
            lines += [f"| **{heading}** | | |", *options]
    return [*lines, ""]


def _option(name: str, text: str) -> str:
    """A row: name, default or rule, help; the second is at the end of the help, in brackets."""
    text, _, rule = text.partition("  [")
    code = name.replace("|", "&#124;").replace("<", "&lt;")
    return f"| <code>{code}</code> | {_cell(rule.rstrip(']'))} | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
