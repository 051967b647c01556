"""The programs in examples/ run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clinometer.cli.study.definition import read_definition
from clinometer.encoders.families import family_of

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("program", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_example_runs(program: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") >= 2


def test_the_encoders_of_the_study_have_the_prompts_of_their_families() -> None:
    study = read_definition(EXAMPLES / "encoders.yaml")
    models = [encoder for encoder in study.encoders if "/" in encoder.options.name]
    assert len(models) == 14
    for encoder in models:
        family, prompts = family_of([encoder.options.name]), encoder.options.prompts
        expected = ("", "") if family is None else (family.query, family.document)
        assert (prompts.query_prompt, prompts.document_prompt) == expected, encoder.name
        known = "table" if family is not None else "none"
        assert encoder.note.startswith(("prompts: card", f"prompts: {known}")), encoder.name
