"""A function speaks of its arguments; the command that calls it speaks of its options."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import Run, assert_complaint
from test_house import modules

from clinometer.cli.argument_names import option_names, with_options
from clinometer.cli.commands import command_functions
from clinometer.cli.evaluate import evaluate
from clinometer.cli.exchange import export, import_
from clinometer.cli.expansion import expand
from clinometer.io import FORMS

OPTIONS = option_names(expand(evaluate))

WRONG = [
    (["evaluate", "demo", "--pairs", "each"], "clinometer: --pairs is 'each', but must be pivot or all"),
    (["evaluate", "demo", "--confidence", "2"], "clinometer: --confidence is 2.0, but must lie between 0 and 1"),
    (["evaluate", "demo", "--query-prompt", "q"], "clinometer: --query-prompt has no effect on the offline encoder"),
    (["evaluate", "demo", "--max-length", "9"], "clinometer: --max-length has no effect on the offline encoder"),
    (["evaluate", "demo", "--measures", "x"], "nDCG(judged_only=True)@10"),
    (["evaluate", "demo", "--pool", "skew(en=x)"], "queries=complete|own|any, seed=0)"),
    (["evaluate", "demo", "--split", "x"], "unknown option --split of demo; expected none"),
    (["evaluate", "demo", "--reader", "judged-only=1"], "unknown option --reader judged-only of demo"),
    (
        ["evaluate", "demo", "--encoder", "http://x/v1"],
        "give the server's name of the model as well, with --model NAME",
    ),
    (["scan", "store", "--relevant", "x", "--memory-budget", "lots"], "clinometer: --memory-budget is 'lots'"),
    (["plan", "--documents", "9", "--queries", "9", "--dimension", "9", "--dtype", "x"], "clinometer: --dtype is 'x'"),
    (["correct", "demo", "--queries-by", "x", "-o", "c.npz"], "clinometer: --queries-by is 'x'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(item[0]) for item in WRONG])
def test_errors_on_the_command_line_name_options(run: Run, arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    assert_complaint(done, 2, sentence)


def test_errors_in_python_name_arguments() -> None:
    import clinometer as cm

    with pytest.raises(cm.errors.UsageError, match=r"^pairs is 'each', but must be pivot or all"):
        cm.evaluate("demo", "bm25", pairs="each")


@pytest.mark.parametrize("kind", FORMS)
def test_options_of_every_reader_are_passed_on(kind: str) -> None:
    message = f"unknown option judged_only of {kind}; expected split, query_field"
    translated = f"unknown option --reader judged-only of {kind}; expected --split, --reader query-field"
    assert with_options(message, OPTIONS) == translated


def test_all_spellings_of_an_option() -> None:
    assert OPTIONS["run_file"] == OPTIONS["save_run"] == "--save-run"
    assert OPTIONS["language"] == "--document-language"
    assert OPTIONS["progress"] == "--progress"
    assert option_names(expand(import_))["rows_file"] == "--rows"
    assert option_names(expand(import_))["language"] == "--language"
    assert option_names(expand(export))["metric"] == "--metric"


@pytest.mark.parametrize(
    ("message", "option"),
    [
        ("bm25 returned no list of the whole pool; leave save_run out", "leave --save-run out"),
        ("'x' has no language; give the option language='en' or language='id'",
         "give the option --document-language en or --document-language id"),
        ("a.tsv:3: give the option query_language='en'", "give the option --reader query-language=en"),
        ("add them, or set allow_missing=True", "or set --allow-missing"),
        ("the seed of a bootstrap, and pairs of texts", "the seed of a bootstrap, and pairs of texts"),
        ("the id 'pairs is' and 'save_run' are unknown", "the id 'pairs is' and 'save_run' are unknown"),
        ("/data/save_run/max_length.tsv: not a file", "/data/save_run/max_length.tsv: not a file"),
        ("write nDCG(judged_only=True)@10, or set seed=1", "write nDCG(judged_only=True)@10, or set --seed 1"),
        ("write skew(en=0.9, queries=own|any, seed=0)", "write skew(en=0.9, queries=own|any, seed=0)"),
    ],
)  # fmt: skip
def test_sentences(message: str, option: str) -> None:
    assert option in with_options(message, OPTIONS)


def sentences() -> Iterator[tuple[str, str]]:
    """The first words of each UsageError of the library, with its place."""
    for name, path in modules().items():
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "UsageError" and node.args:
                text = ast.unparse(node.args[0]).lstrip("frb").strip("'\"")
                yield f"{name}:{node.lineno}", text


def test_every_sentence_about_an_argument_is_translated() -> None:
    commands = [option_names(expand(command)) for command in command_functions().values()]
    options = {name: option for names in commands for name, option in names.items()}
    about = {place: text for place, text in sentences() if re.match(r"[a-z]+(_[a-z]+)* (is|has|must|needs) ", text)}
    assert len(about) > 50
    left = {
        place: text
        for place, text in about.items()
        if text.partition(" ")[0] in options and not with_options(text, options).startswith("-")
    }
    assert left == {}
