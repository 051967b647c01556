"""Pages of the reference that are made from the package itself when the site is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
import typer.main
from mkdocs.structure.files import File, Files

from clinometer.analysis.form import RESULTS_FORM
from clinometer.cli import app
from clinometer.cli.help import headed
from clinometer.cli.study.definition import KEYS
from clinometer.evaluation.cells import Cell, Study
from clinometer.measures import KNOWN, parse

_BETTER = {True: "higher", False: "lower", None: "neither"}


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages to those that are written by hand."""
    pages = {"measures": measures, "command-line": command_line, "study": study_keys, "results-format": results_format}
    for path, text in ((f"reference/{name}.md", page()) for name, page in pages.items()):
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
    names = program.list_commands(context)
    lines += [" · ".join(f"[{name}](#{name})" for name in names), ""]
    heading = None
    for name in names:
        command = program.commands[name]
        if command.rich_help_panel != heading:
            heading = command.rich_help_panel
            lines += [f"## {heading}", ""]
        parts = {f"{name} {part}": command.commands[part] for part in getattr(command, "commands", ())}
        if parts:
            lines += [f"### clinometer {name} {{ #{name} }}", "", command.help.strip(), ""]
        for path, part in (parts or {name: command}).items():
            lines += _command(part, f"clinometer {path}")
    return "\n".join(lines)


def _command(command: Any, name: str) -> list[str]:
    context = command.context_class(command, info_name=name)
    anchor = "-".join(name.split()[1:])
    code = [f"{name} {' '.join(command.collect_usage_pieces(context))}", "", *command.epilog.splitlines()]
    depth = "#" * (len(name.split()) + 1)
    lines = [f"{depth} {name} {{ #{anchor} }}", "", command.help.strip(), "", "```bash", *code, "```", ""]
    for heading, rows in headed(command, context).items():
        if options := [_option(*row) for row in rows if "--help" not in row[0]]:
            place = f"{anchor}-{heading.lower().replace(' ', '-')}"
            lines += [
                f"{depth}# {heading} {{ #{place} }}",
                "",
                "| option | default or rule | |",
                "|---|---|---|",
                *options,
                "",
            ]
    return lines


def _option(name: str, text: str) -> str:
    """A row: name, default or rule, help; the second is at the end of the help, in brackets."""
    text, _, rule = text.partition("  [")
    return f"| {_code(name)} | {_cell(rule.rstrip(']'))} | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def study_keys() -> str:
    """Every key of the file of a study."""
    lines = [
        "# The file of a study",
        "",
        "`clinometer study` reads a file in YAML; [Compare many encoders](../how-to/many-encoders.md) shows one. Keys "
        "are named as the options of the command line are, and mean the same. A list may be written in brackets or "
        "with a dash for each item; one item alone may be written without. A mapping `NAME: VALUE` stands for options "
        "that are written `NAME=VALUE`. Values are texts, which each option reads itself: `no` is a language, and "
        "`010` is not 8. Names become folders: letters, digits, and `. _ + -` in between. Made from the package.",
        "",
    ]
    for title, text, keys in KEYS:
        lines += [f"## {title}", "", text, "", "| key | value | |", "|---|---|---|"]
        for key, (value, meaning) in keys.items():
            lines.append(f"| `{key}` | {_code(value)} | {_cell(meaning)} |")
        lines.append("")
    return "\n".join(lines)


def results_format() -> str:
    """Every field of the files by which results are exchanged."""
    lines = [
        "# The format of results",
        "",
        "Results are exchanged as folders of files, which `clinometer check --schema FILE|FOLDER` checks. Made from "
        "the package.",
        "",
        "- `results.json`: the results of one encoder, with or without remedies, on one collection. `clinometer "
        "evaluate -o DIR` and `clinometer study` write it, and all else reads it.",
        "- `cell.json` next to it: where it comes from, and what it cost. Only studies have it.",
        "- `study.json`: the manifest of a study, which lists its cells. Below it, a cell is in "
        "`results/ENCODER/COLLECTION/REMEDY/`, and in `seed-N/` in there if the remedy was fitted on a sample. A cell "
        "may also have `per_query.jsonl.gz` and `correction.npz` ([Files](files.md)).",
        "",
        "The version of the format is `schema`: 1 now. What stays within a version is in "
        "[Versions and promises](versions.md). JSON has no number for what is not defined: such a value is `null`.",
        "",
        "`check --schema` asks for more than a reader needs: a `schema`; name, languages, counts and digest of the "
        "collection; name, kind, revision, dimension, prompts, data type and remedies of the encoder; known scenarios "
        "and measures; values within the bounds of their measures; no row twice; checksums and keys that fit.",
        "",
    ]
    for title, kind in (("results.json", RESULTS_FORM), ("cell.json", Cell), ("study.json", Study)):
        lines += [f"## {title}", "", *_fields(kind, "")]
    return "\n".join(lines)


def _fields(kind: Any, path: str) -> Iterator[str]:
    """A table of the fields of a type, then those of the types inside it."""
    inner: list[tuple[str, Any]] = []
    yield "| field | type | |"
    yield "|---|---|---|"
    for field in msgspec.structs.fields(kind):
        plain, meta = _unwrapped(field.type)
        if (text := next((item.description for item in meta if item.description), None)) is None:
            continue
        struct, name = _struct_in(plain), f"{path}{field.encode_name}"
        several = get_origin(plain) is list or any(get_origin(part) is list for part in get_args(plain))
        yield f"| `{name}` | {_type_name(plain)} | {text[0].upper()}{text[1:]}. |"
        if struct is not None:
            inner.append((f"{name}[]." if several else f"{name}.", struct))
    yield ""
    for prefix, struct in inner:
        yield f"`{prefix.rstrip('.')}`: {(struct.__doc__ or '').strip()}"
        yield ""
        yield from _fields(struct, prefix)


def _unwrapped(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    if get_origin(kind) is Annotated:
        plain, *meta = get_args(kind)
        return plain, [item for item in meta if isinstance(item, msgspec.Meta)]
    parts = [part for part in get_args(kind) if get_origin(part) is Annotated]
    return kind, [item for part in parts for item in _unwrapped(part)[1]]


def _struct_in(kind: Any) -> Any:
    plain, _ = _unwrapped(kind)
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return plain
    return next((struct for part in get_args(plain) if (struct := _struct_in(part)) is not None), None)


def _type_name(kind: Any) -> str:
    plain, _ = _unwrapped(kind)
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null", Any: "any"}
    if plain in names:
        return names[plain]
    if get_origin(plain) is list:
        return f"list of {_type_name(get_args(plain)[0])}"
    if get_origin(plain) is dict:
        return f"mapping to {_type_name(get_args(plain)[1])}"
    if args := get_args(plain):
        return " or ".join(_type_name(part) for part in args)
    return "object"


def _code(value: str) -> str:
    return f"<code>{value.replace('|', '&#124;').replace('<', '&lt;')}</code>" if value else ""
