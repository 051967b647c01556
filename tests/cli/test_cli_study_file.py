"""The file of a study: what it may say, and the sentences for what it may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run, assert_complaint
from support.documentation import blocks
from support.studies import STUDY, write_study

from clinometer.cli.study.definition import KEYS, read_definition


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("sample: 2", "sampel: 2", [":16:", "unknown key 'sampel' of a remedy; did you mean 'sample'?"]),
        ("sample: 2", "sample: two", [":16:", "sample is 'two', but must be a whole number"]),
        ("sample: 2", "sample: 0", [":16:", "sample is '0', but must be 1 or more"]),
        ("sample: 2", "sample: [1, 2]", [":16:", "sample is ['1', '2'], but must be one value"]),
        ("sample: 2", "centre: maybe", [":16:", "centre is 'maybe', but must be true or false"]),
        ("sample: 2", "seed: 2", [":16:", "unknown key 'seed' of a remedy"]),
        ("method: center", "method: centre", [":14:", "unknown correction 'centre'"]),
        ("encoders:", "encoder:", [":3:", "unknown key 'encoder' of a study; did you mean 'encoders'?"]),
        ("  - encoder: bm25", "  - bm25", [":9:", "an encoder is 'bm25', but must be keys with values"]),
        ("  - encoder: bm25", "  - name: bm25", [":9:", "an encoder has no encoder"]),
        ("  - encoder: bm25", "  - encoder: bm25\n    name: a/b", [":9:", "'a/b' cannot name a folder"]),
        ("  - encoder: bm25", "  - encoder: bm25\n    name: STRAIGHT", [":3:", "have the encoder name 'straight'"]),
        ("  - encoder: bm25", "  - encoder: x\n    http: [speed=1]", [":10:", "http speed=1: unknown option 'speed'"]),
        ("  - encoder: bm25", "  - encoder: x\n    cache: ''", [":10:", "cache is empty; give a path"]),
        ("  - encoder: bm25", "  - encoder: x\n    queries: a.npy", [":9:", "are for encoder: precomputed"]),
        ("    documents: {folder}/documents.npy\n", "", [":4:", "precomputed needs queries and documents"]),
        ("source: beir:{folder}", "sauce: demo", [":11:", "a collection has no source"]),
        ("source: beir:{folder}", "source: demo\n    pool: skew(en=2", [":11:", "skew"]),
        ("name: center\n    method", "method", [":14:", "a remedy has no name; give one"]),
        ("sample: 2", "components: 2", [":14:", "unknown option components of center; expected strength"]),
        ("name: center", "name: none", [":13:", "two entries have the remedy name 'none'"]),
        ("    method: center\n    sample: 2\n    shrinkage: 0.5\n", "", [":14:", "the remedy center does nothing"]),
        ("sample: 2", "encoders: straigt", [":14:", "is for 'straigt', but the encoders are straight, bm25"]),
        ("sample: 2", "correction: x.npz", [":14:", "has a correction and says how to fit one"]),
        ("seeds: [0, 1]", "seeds: [0, 0]", [":18:", "seeds must be different whole numbers"]),
        ("seeds: [0, 1]", "seeds: [zero]", [":18:", "seeds are zero, but must be whole numbers"]),
        ("resamples: 50", "resample: everything", ["resample"]),
        ("resamples: 50", "resamples: 1_0", [":20:", "resamples is '1_0', but must be a whole number"]),
        ("Complete@10", "Complet@10", [":19:", "did you mean Complete@10?"]),
        ("by: A. Tester", "by: A\nname: twice", [":3:", "the key 'name' is in line 1 as well"]),
        ("by: A. Tester", "by: !!python/object/apply:os.system [ls]", [":2:", "a type of YAML that a study has not"]),
        ("by: A. Tester", "by: [", ["not YAML"]),
        ("by: A. Tester", "by: &a [*a]", [":2:", "nested more than 12 levels deep"]),
        ("by: A. Tester", "by: \x00", ["not YAML"]),
        ("by: A. Tester", "? [a]\n: b", [":2:", "a key is ['a'], but must be a word"]),
        ("by: A. Tester", "by: " + "[" * 3000, ["nested", "check its brackets"]),
        ("by: A. Tester", "a: &a [" + "x, " * 9 + "x]\nb: &b [" + "*a, " * 99 + "]\nc: &c [" + "*b, " * 99 + "]",
         ["more than 20,000 values"]),
    ],
)  # fmt: skip
def test_what_a_study_cannot_be(
    run: Run, folder: Path, tmp_path: Path, before: str, after: str, parts: list[str]
) -> None:
    assert before in STUDY
    study = write_study(folder, tmp_path / "study.yaml", STUDY.replace(before, after, 1))
    done = run("study", study, "-o", tmp_path / "out")
    assert_complaint(done, 1, *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe", b"- a\n- b\n", b"a\n", b"a: b\n--- \nc: d\n"])
def test_files_that_are_not_a_study(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.yaml").write_bytes(content)
    done = run("study", tmp_path / "study.yaml", "-o", tmp_path / "out")
    assert_complaint(done, 1, "study.yaml")
    assert run("study", tmp_path / "missing.yaml").code == 1


def test_words_of_yaml_are_texts(run: Run, folder: Path, tmp_path: Path) -> None:
    """Norwegian is `no`, which YAML 1.1 reads as false."""
    text = STUDY.replace("source: beir:{folder}", "source: beir:{folder}\n    languages: [no, en]")
    study = write_study(folder, tmp_path / "study.yaml", text)
    done = run("study", study, "-o", tmp_path / "out")
    assert done.code == 1
    assert "no" in json.loads((tmp_path / "out" / "study.json").read_text())["failed"][0]["problem"]
    assert "False" not in done.err


def test_the_study_of_the_documentation_is_read(tmp_path: Path) -> None:
    (block,) = (block.code for block in blocks("docs/how-to/many-encoders.md") if block.code.startswith("name: mine"))
    (tmp_path / "study.yaml").write_text(block, encoding="utf-8")
    study = read_definition(tmp_path / "study.yaml")
    assert (study.name, study.by) == ("mine", "A team")
    assert study.collections[1].reading.languages == "en,de,no"
    assert len(list(study.cells())) == 4 + 2 * 3 * 3 + 2


@pytest.mark.parametrize(("section", "keys"), [(title, keys) for title, _, keys in KEYS])
def test_every_documented_key_is_known(tmp_path: Path, section: str, keys: dict[str, Any]) -> None:
    """A key without a value is as if it were absent, and an unknown one is an error all the same."""
    parts = {"encoders": {"encoder": "bm25"}, "collections": {"source": "demo"}, "remedies": {}, "evaluate": {}}
    parts["remedies"] = {"name": "center", "method": "center"}
    content: dict[str, Any] = {name: [part] for name, part in parts.items() if name != "evaluate"}
    content |= {"evaluate": {}, "store": {}}
    target = content if section == "The study" else content[section]
    for part in target if isinstance(target, list) else [target]:
        part |= {key: None for key in keys if key not in part}
    (tmp_path / "study.yaml").write_text(json.dumps(content), encoding="utf-8")
    assert len(read_definition(tmp_path / "study.yaml").encoders) == 1
