"""`clinometer correct` and `clinometer evaluate --correction`: fitted, applied, measured, and refused if unfit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.languages import LANGUAGES
from support.planted import rows

import clinometer as cm
from clinometer.correction import Center, Correction, Shift, Turn, load
from clinometer.encoders import EncoderRecord
from clinometer.store import StoreWriter


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A BEIR folder whose embeddings lie apart by language and by nothing else."""
    root = tmp_path / "planted"
    (root / "qrels").mkdir(parents=True)
    names = [(topic, label) for topic in range(40) for label in LANGUAGES]
    for file, prefix in (("corpus", "d"), ("queries", "q")):
        lines = [
            json.dumps({"_id": f"{prefix}-{label}{t}", "text": f"{t} {label}", "language": label, "group": f"{t}"})
            for t, label in names
        ]
        (root / f"{file}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    judged = [f"q-{asked}{t}\td-{label}{t}\t1" for t, asked in names for label in LANGUAGES]
    (root / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged, ""]), encoding="utf-8")
    np.save(root / "documents.npy", rows())
    np.save(root / "queries.npy", rows(seed=1) * 0.1 + rows())
    return root


@pytest.fixture
def source(planted: Path) -> list[object]:
    """The collection and its embeddings, as arguments."""
    arrays = ["--queries", planted / "queries.npy", "--documents", planted / "documents.npy"]
    return [f"beir:{planted}", "--encoder", "precomputed", *arrays]


def complete(done: Any, scenario: str = "multi") -> dict[str, float]:
    assert done.code == 0, done.err
    return {
        row["query_language"]: row["value"]
        for row in json.loads(done.out)["rows"]
        if (row["measure"], row["scenario"]) == ("Complete@10", scenario) and row["pool_languages"] != ["*"]
    }


MEASURED = ["--measures", "Complete@10", "--resamples", "0", "--json"]


# fitted on a collection, and measured


def test_the_lean_of_the_demonstration_is_straightened(run: Run, tmp_path: Path) -> None:
    demo = ["demo", "--languages", "en,ko,tr"]
    options = ["--scenarios", "multi,multilingual", *MEASURED]
    before = run("evaluate", *demo, *options)
    fitted = run("correct", *demo, "--sample", "60", "-o", tmp_path / "demo.npz")
    assert fitted.code == 0, fitted.err
    after = run("evaluate", *demo, *options, "--correction", tmp_path / "demo.npz")
    for scenario in ("multi", "multilingual"):
        there, here = complete(before, scenario), complete(after, scenario)
        assert there.keys() == here.keys()
        assert sum(here.values()) > sum(there.values())
    assert json.loads(before.out)["encoder"]["remedies"] == []
    encoder = json.loads(after.out)["encoder"]
    correction = load(tmp_path / "demo.npz")
    assert encoder["name"] == "offline + center"
    assert encoder["revision"].endswith(f"; correction {correction.digest}")
    (remedy,) = encoder["remedies"]
    assert (remedy["method"], remedy["digest"]) == ("center", correction.digest)
    assert remedy["settings"]["documents_fitted"] == dict.fromkeys(["en", "ko", "tr"], 60)
    assert encoder["warnings"] == []
    # A different language than those fitted is refused before anything is encoded.
    done = run("evaluate", "demo", "--languages", "en,ko,fr", *options, "--correction", tmp_path / "demo.npz")
    assert_complaint(done, 2, "demo.npz was not fitted on documents in fr (75); it knows en, ko, tr; fit it again")


@pytest.mark.parametrize(
    "options",
    [
        ["--method", "center", "--strength", "1", "--directions", "0"],
        ["--method", "lir", "--components", "2"],
        ["--method", "shift", "--pivot", "de", "--queries-by", "documents"],
        ["--method", "query-shift"],
        ["--method", "calibrate"],
    ],
    ids=lambda options: options[1],
)
def test_each_method_brings_both_versions_to_the_top(
    run: Run, source: list[object], tmp_path: Path, options: list[str]
) -> None:
    file = tmp_path / "deep" / "it.npz"
    assert run("correct", *source, *options, "-o", file).code == 0
    assert load(file).method == options[1]
    measured = [*source, "--scenarios", "multi", *MEASURED]
    before, after = complete(run("evaluate", *measured)), complete(run("evaluate", *measured, "--correction", file))
    assert all(after[label] > before[label] for label in before)


def test_what_is_printed_of_a_fit(run: Run, source: list[object], tmp_path: Path) -> None:
    file = tmp_path / "it.npz"
    done = run("correct", *source, "--sample", "30", "--strength", "0.5", "--json", "-o", file)
    told = json.loads(done.out)
    assert told["correction"]["digest"] == load(file).digest
    assert told["correction"]["fitted_on"]["source"] == "planted"
    assert told["correction"]["fitted_on"]["sample"] == 30
    assert told["warnings"] == []
    assert [entry["language"] for entry in told["languages"]] == ["de", "en", "zh"]
    for entry in told["languages"]:
        assert (entry["documents"], entry["queries"], entry["strength"]) == (30, 30, 0.5)
        assert 0 < entry["mean_length"] < 1
    table = run("correct", *source, "--sample", "30", "--strength", "0.5", "-o", file)
    assert table.out.startswith(f"center {load(file).digest}, fitted on planted with precomputed\n")
    assert table.out.count("\n      de") == table.out.count("\n      zh") == 1
    assert f"wrote the correction to {file}" in table.err
    # The same arguments fit the same bytes; another seed draws other texts.
    first = file.read_bytes()
    run("correct", *source, "--sample", "30", "--strength", "0.5", "-o", file)
    assert file.read_bytes() == first
    other = run("correct", *source, "--sample", "30", "--strength", "0.5", "--seed", "1", "--json", "-o", file)
    assert json.loads(other.out)["correction"]["digest"] != told["correction"]["digest"]


def test_few_texts_are_said(run: Run, source: list[object], tmp_path: Path) -> None:
    done = run("correct", *source, "--sample", "5", "-o", tmp_path / "it.npz")
    assert "warning: few documents to fit on: de (5), en (5), zh (5); a fit on fewer than 30" in done.err
    done = run("correct", "demo", "--languages", "de", "--sample", "30", "--json", "-o", tmp_path / "one.npz")
    assert done.code == 0, done.err
    assert json.loads(done.out)["warnings"] == [
        "the documents are all in de; a correction aligns languages, so give two or more"
    ]


def test_only_the_sample_is_encoded(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clinometer.encoders import OfflineEncoder

    seen: list[int] = []
    encode = OfflineEncoder._encode

    def counted(self: Any, texts: Any, *more: Any) -> Any:
        seen.append(len(texts))
        return encode(self, texts, *more)

    monkeypatch.setattr(OfflineEncoder, "_encode", counted)
    demo = ["demo", "--languages", "en,de", "--sample", "7", "-o", tmp_path / "it.npz"]
    assert run("correct", *demo).code == 0
    assert run("correct", *demo, "--queries-by", "documents").code == 0
    assert run("correct", *demo, "--method", "shift").code == 0
    assert seen == [14, 14, 14, 14, 14]
    assert set(load(tmp_path / "it.npz").settings["pairs_fitted"].values()) == {7}


def test_what_moves_the_queries(run: Run, source: list[object], tmp_path: Path) -> None:
    def fitted(*options: str) -> Correction:
        assert run("correct", *source, *options, "-o", tmp_path / "it.npz").code == 0
        return load(tmp_path / "it.npz")

    assert fitted().settings["query_means"] == "own"
    assert fitted("--queries-by", "documents").settings["query_means"] == "documents"
    assert fitted("--queries-by", "none").settings["query_strength"] == 0
    assert fitted("--method", "shift", "--queries-by", "none").settings["query_strength"] == 0
    asked = ["--query-strength", "0.25", "--strength", "auto", "--shrinkage", "0.5", "--directions", "1"]
    settings = fitted(*asked).settings
    wanted = {"strength": 1.0, "query_strength": 0.25, "shrinkage": 0.5, "directions_removed": 1}
    assert {name: settings[name] for name in wanted} == wanted
    assert fitted("--method", "lir", "--centre").settings["centred"]
    assert fitted("--method", "shift", "--centre", "--directions", "auto").settings["centre"]
    assert fitted("--method", "calibrate", "--scale").settings["scale"]
    shift = fitted("--method", "query-shift", "--strength", "0.6", "--sources", "de")
    assert (shift.query_languages, shift.settings["strength"]) == (("de",), 0.6)
    assert fitted("--method", "query-shift").query_languages == ("de", "en", "zh")


# evaluated with


def test_query_languages_given_unknown_identified(
    run: Run, source: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "it.npz"
    assert run("correct", *source, "-o", file).code == 0
    measured = ["evaluate", *source, "--scenarios", "multi", *MEASURED, "--correction", file]
    encoders = {}
    for mode in ("given", "unknown", "identify"):
        done = run(*measured, "--query-languages", mode)
        assert done.code == 0, done.err
        encoders[mode] = json.loads(done.out)["encoder"]
        assert encoders[mode]["remedies"][0]["settings"]["query_languages"] == mode
    assert encoders["given"]["warnings"] == []
    assert encoders["unknown"]["warnings"] == ["120 queries were corrected by one mean for all languages"]
    assert "warning: 120 queries were corrected by one mean" in run(*measured, "--query-languages", "unknown").err
    # The texts are numbers and labels of languages: next to nothing tells their language.
    assert any("of 120 queries could not be identified" in told for told in encoders["identify"]["warnings"])
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    done = run(*measured, "--query-languages", "identify")
    assert_complaint(done, 1, "identifying the language of queries needs", "pip install 'clinometer[langid]'")


def test_an_adapter_comes_before_the_correction(run: Run, source: list[object], tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from clinometer.adapters import Adapter

    adapter, file = tmp_path / "adapter.safetensors", tmp_path / "it.npz"
    turn = np.roll(np.eye(20, dtype=np.float32), 3, axis=0)
    Adapter("linear", {"weight": turn, "bias": np.zeros(20, dtype=np.float32)}).save(adapter)
    assert run("correct", *source, "--adapter", adapter, "--strength", "1", "-o", file).code == 0
    plain = tmp_path / "plain.npz"
    assert run("correct", *source, "--strength", "1", "-o", plain).code == 0
    np.testing.assert_allclose(
        load(file).arrays["document_offsets"], load(plain).arrays["document_offsets"] @ turn.T, atol=1e-6
    )
    measured = ["evaluate", *source, "--scenarios", "multi", *MEASURED]
    done = run(*measured, "--adapter", adapter, "--correction", file)
    # The adapter only turns everything, so that it must not change a rank.
    assert complete(done) == complete(run(*measured, "--correction", plain))
    encoder = json.loads(done.out)["encoder"]
    assert encoder["name"] == "precomputed + adapter + center"
    assert [entry["method"] for entry in encoder["remedies"]] == ["adapter", "center"]
    small = tmp_path / "small.safetensors"
    Adapter("linear", {"weight": np.eye(3), "bias": np.zeros(3)}).save(small)
    assert_complaint(run(*measured, "--adapter", small), 2, "20 dimensions, but the adapter maps 3")
    assert_complaint(run(*measured, "--adapter", tmp_path / "absent"), 1, "absent")


def test_corrections_that_do_not_fit_an_evaluation(run: Run, source: list[object], tmp_path: Path) -> None:
    measured = ["evaluate", *source, *MEASURED]
    Center.fit(np.eye(4), ["en", "de", "zh", "zh"]).save(tmp_path / "small.npz")
    done = run(*measured, "--correction", tmp_path / "small.npz")
    assert_complaint(
        done, 2, "precomputed gives 20 dimensions, but the correction was fitted on 4; fit it on embeddings"
    )
    Center.fit(rows(), ["en", "de"] * 60, rows(), ["en"] * 120).save(tmp_path / "two.npz")
    done = run(*measured, "--correction", tmp_path / "two.npz")
    assert_complaint(
        done, 2, "two.npz was not fitted on documents in zh (40); it knows de, en; fit it again with texts"
    )
    chosen = [*measured, "--languages", "en,de", "--correction", tmp_path / "two.npz"]
    done = run(*chosen)
    assert_complaint(done, 2, "not fitted on queries in de (40); it knows en", "use --query-languages unknown")
    done = run(*chosen, "--query-languages", "some")
    assert_complaint(done, 2, "--query-languages is 'some', but must be one of given, unknown, identify")
    done = run(*measured, "--query-languages", "unknown")
    assert_complaint(done, 2, "--query-languages is an option of a correction; give --correction FILE")
    done = run(*measured, "--correction", tmp_path / "absent.npz")
    assert_complaint(done, 1, "absent.npz: No such file or directory; check the path")
    (tmp_path / "folder").mkdir()
    done = run(*measured, "--correction", tmp_path / "folder")
    assert_complaint(done, 1, "correction.npz: No such file or directory")
    (tmp_path / "text.npz").write_text("0.5 0.5")
    done = run(*measured, "--correction", tmp_path / "text.npz", "-o", tmp_path / "out")
    assert_complaint(done, 1, "text.npz: not a correction, or damaged")
    assert not (tmp_path / "out").exists()


def test_a_correction_of_another_encoder_is_warned_about(run: Run, tmp_path: Path, source: list[object]) -> None:
    fitted = Center.fit(np.random.default_rng(0).normal(size=(60, 512)), ["en", "de"] * 30)
    origin = {"encoder": "another", "kind": "http", "revision": "3", "query_prompt": "", "document_prompt": ""}
    Center(fitted.languages, fitted.query_languages, fitted.arrays, {**fitted.settings, "fitted_on": origin}).save(
        tmp_path / "other.npz"
    )
    options = ["--languages", "en,de", "--scenarios", "mono-same", "--correction", tmp_path / "other.npz"]
    done = run("evaluate", "demo", *options, *MEASURED)
    assert done.code == 0
    assert "warning: the correction was fitted on embeddings of another (3), not of offline (" in done.err
    assert done.err.count("warning: ") == 1


# wrong usage

WRONG_USAGE: list[tuple[list[str], str]] = [
    (
        ["--method", "centre"],
        "unknown correction 'centre'; expected one of center, lir, shift, query-shift, calibrate, auto; did you mean",
    ),
    (["--method", "atuo"], "auto; did you mean auto?"),
    (["--scale"], "unknown option --scale of center; expected --strength, --query-strength, --queries-by, --shrinkage"),
    (["--method", "lir", "--strength", "0.5"], "unknown option --strength of lir; expected --components, --centre"),
    (["--strength", "much"], "--strength is 'much'; give auto or a number"),
    (["--strength=-1"], "strength is -1.0, but must be a number of 0 or more"),
    (["--directions", "1.5"], "--directions is '1.5'; give auto or a number"),
    (["--directions", "7"], "directions is 7, but the means of 3 languages"),
    (["--method", "lir", "--components", "30"], "components is 30, but must lie between 1 and 19"),
    (["--method", "lir", "--sample", "2", "--components", "4"], "too few documents to remove 4 components: de (2)"),
    (["--queries-by", "each"], "--queries-by is 'each', but must be one of own, documents, none"),
    (["--method", "calibrate", "--queries-by", "documents"], "calibrate is fitted on scores of queries"),
    (["--method", "lir", "--queries-by", "none"], "choose own or documents"),
    (["--sources", "en"], "unknown option --sources of center; expected --strength, --query-strength"),
    (["--method", "query-shift", "--sources", "fr"], "no text in fr with a parallel group, only in de, en"),
    (
        ["--method", "query-shift", "--queries-by", "own"],
        "query-shift never moves queries, so --queries-by cannot be own",
    ),
    (["--method", "shift", "--pivot", "fr"], "no text shares a parallel group with one in fr; give translated texts"),
    (["--languages", "en,xx"], "has no xx; it has en, de, zh"),
    (["--correction", "old.npz"], "--correction is for stored embeddings, but beir:"),
    (["--adapter", "absent", "--unit", "row"], "unknown option --unit of beir"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG_USAGE, ids=[" ".join(item[0]) for item in WRONG_USAGE])
def test_options_that_cannot_be_used(
    run: Run, source: list[object], tmp_path: Path, options: list[str], sentence: str
) -> None:
    if "--adapter" in options:
        pytest.importorskip("safetensors")
        from clinometer.adapters import Adapter

        Adapter.identity(20, rank=2).save(tmp_path / "absent")
        options = ["--adapter", str(tmp_path / "absent"), *options[2:]]
    assert_complaint(run("correct", *source, *options, "-o", tmp_path / "it.npz"), 2, sentence)
    assert not (tmp_path / "it.npz").exists()


@pytest.mark.parametrize("options", [("--method", "lir", "--strength", "1"), ("--pivot", "de"), ("--method", "centr")])
def test_options_of_another_method_are_refused_before_anything_is_read(
    run: Run, source: list[object], tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run("correct", *source, *options, "-o", tmp_path / "it.npz")
    assert_complaint(done, 2, "unknown ")
    assert len(done.err.splitlines()) == 1


def test_places_for_a_correction(run: Run, source: list[object], tmp_path: Path) -> None:
    done = run("correct", *source, "-o", tmp_path / "it.json")
    assert_complaint(done, 2, "it.json: a correction is a .npz file; give a name that ends in .npz")
    (tmp_path / "folder.npz").mkdir()
    assert_complaint(run("correct", *source, "-o", tmp_path / "folder.npz"), 2, "is a folder; give the name of a file")
    assert run("correct", *source).code == 2
    done = run("correct", f"beir:{tmp_path / 'absent'}", "-o", tmp_path / "it.npz")
    assert_complaint(done, 1, str(tmp_path / "absent"))
    done = run("correct", "demo", "--encoder", "precomputed", "-o", tmp_path / "it.npz")
    assert_complaint(done, 2, "--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
    done = run("correct", "demo", "--queries", "q.npy", "-o", tmp_path / "it.npz")
    assert_complaint(done, 2, "--queries and --documents are for --encoder precomputed")


def test_shift_without_groups_of_queries_moves_them_by_documents(
    run: Run, source: list[object], planted: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (planted / "queries.jsonl").read_text().splitlines()]
    for line in lines:
        del line["group"]
    (planted / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert run("correct", *source, "--method", "shift", "-o", tmp_path / "it.npz").code == 0
    correction = load(tmp_path / "it.npz")
    assert isinstance(correction, Shift)
    assert correction.settings["queries"] == "documents"


def test_a_turn_is_fitted_on_every_document_and_reported(run: Run, tmp_path: Path) -> None:
    demo = ["demo", "--languages", "en,de"]
    done = run("correct", *demo, "--sample", "40", "--turn", "-o", tmp_path / "turn.npz")
    assert done.code == 0, done.err
    assert done.out.startswith("center + turn ")
    assert "turned to en: de\n" in done.out
    assert "by chance" in done.out
    turn = load(tmp_path / "turn.npz")
    assert isinstance(turn, Turn)
    record = turn.settings["turn"]
    assert (record["documents_tried"], record["pairs_right"]) == ({"de": 75}, {"de": 1.0})
    assert run("correct", *demo, "--sample", "40", "-o", tmp_path / "center.npz").code == 0
    assert load(tmp_path / "center.npz").digest == turn.center.digest
    values = [
        complete(run("evaluate", *demo, "--scenarios", "mono-same,multi", "--correction", tmp_path / name, *MEASURED))
        for name in ("center.npz", "turn.npz")
    ]
    assert values[1]["de"] >= values[0]["de"]
    done = run("evaluate", *demo, "--correction", tmp_path / "turn.npz", "-o", tmp_path / "results", *MEASURED)
    assert done.code == 0, done.err
    report = (tmp_path / "results" / "report.md").read_text(encoding="utf-8")
    assert f"turn {turn.digest}" in report
    assert f"pairs de {record['pairs']['de']}" in report


def test_feedback_comes_last(run: Run, source: list[object], tmp_path: Path) -> None:
    assert run("correct", *source, "-o", tmp_path / "center.npz").code == 0
    measured = [*source, "--correction", tmp_path / "center.npz", "--scenarios", "multi"]
    measured += ["--measures", "nDCG@1,Complete@10", "--resamples", "0"]
    plain, fed = (
        run("evaluate", *measured, "--json", "-o", tmp_path / f"results{len(more)}", *more)
        for more in ([], ["--feedback", "0.2"])
    )
    assert fed.code == 0, fed.err
    encoder = json.loads(fed.out)["encoder"]
    assert encoder["name"] == "precomputed + center + feedback"
    assert [entry["method"] for entry in encoder["remedies"]] == ["center", "feedback"]
    assert encoder["remedies"][1]["settings"] == {"weight": 0.2}
    first_places = [
        [row["value"] for row in json.loads(done.out)["rows"] if row["measure"] == "nDCG@1"] for done in (plain, fed)
    ]
    assert first_places[0] == first_places[1]
    # They are results of another retriever, and of the same one when they are made again.
    done = run("evaluate", *measured, "--feedback", "0.2", "-o", tmp_path / "results0")
    assert_complaint(done, 2, "{'weight': 0.2}}]); choose another name")
    assert run("evaluate", *measured, "--feedback", "0.2", "-o", tmp_path / "results2").code == 0
    done = run("evaluate", *measured, "--feedback", "0")
    assert_complaint(done, 2, "feedback is 0.0, but must be a number above 0")
    done = run("evaluate", "demo", "--encoder", "bm25", "--languages", "en,de", "--feedback", "0.2")
    assert_complaint(done, 2, "feedback needs embeddings that are compared by cosine, but bm25")


def test_what_was_first_stays_first_in_its_language(run: Run, source: list[object], tmp_path: Path) -> None:
    vague = np.load(str(source[4]))
    vague = vague + np.random.default_rng(0).normal(size=vague.shape).astype(np.float32)
    np.save(tmp_path / "vague.npy", vague)
    source[4] = tmp_path / "vague.npy"
    assert run("correct", *source, "-o", tmp_path / "center.npz").code == 0
    measured = [*source, "--scenarios", "multi,mono-same", "--measures", "nDCG@1", "--resamples", "0", "--json"]
    remedy = ["--correction", tmp_path / "center.npz", "--feedback", "0.2"]
    plain, harmful, done = (run("evaluate", *measured, *more) for more in ([], remedy, [*remedy, "--own-first"]))
    assert done.code == 0, done.err
    encoder = json.loads(done.out)["encoder"]
    assert encoder["name"] == "precomputed + center + feedback + own-first"
    assert encoder["remedies"][-1] == {"method": "own-first", "digest": "", "settings": {"before": "precomputed"}}
    first_places = [
        [row["value"] for row in json.loads(one.out)["rows"] if row["scenario"] == "mono-same"]
        for one in (plain, harmful, done)
    ]
    assert first_places[0] == first_places[2] != first_places[1]
    # Stores say the same, and rows that are corrected already cannot.
    collection, record = cm.load(str(source[0])), EncoderRecord(name="precomputed", kind="precomputed")
    sides = {"queries": (collection.queries, vague), "documents": (collection.documents, np.load(str(source[6])))}
    for stage, (texts, embeddings) in sides.items():
        with StoreWriter(tmp_path / "store" / stage, record, stage, "float32") as writer:  # type: ignore[arg-type]
            writer.append(embeddings, texts.ids, texts.languages, texts.groups)
    assert run("correct", tmp_path / "store", "--method", "center", "-o", tmp_path / "straight").code == 0
    stored = [source[0], *measured[measured.index("--scenarios") :], "--feedback", "0.2", "--own-first", "--documents"]
    again = run("evaluate", *stored, tmp_path / "store", *remedy[:2])
    assert again.code == 0, again.err
    assert json.loads(again.out)["rows"] == json.loads(done.out)["rows"]
    assert_complaint(run("evaluate", *stored, tmp_path / "straight"), 2, "holds corrected rows, and --own-first needs")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "--own-first is for remedies; give --correction, --adapter, --expand or --feedback"),
        (["--feedback", "0.2", "--save-run", "run.trec"], "--save-run cannot follow --own-first"),
    ],
)
def test_own_first_that_is_refused(run: Run, source: list[object], options: list[str], complaint: str) -> None:
    assert_complaint(run("evaluate", *source, "--own-first", *options), 2, complaint)


# --method auto


def test_auto_takes_what_helps_and_says_why(run: Run, source: list[object], tmp_path: Path) -> None:
    file = tmp_path / "chosen.npz"
    done = run("correct", *source, "--method", "auto", "-o", file)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("take center")
    assert any(line.startswith("- plain retrieval, nDCG@1: ") for line in lines)
    assert lines[-1].endswith("no text is encoded again")
    chosen = load(file)
    assert chosen.settings["chosen_by"]["evidence"]["kind"] == "judgements"
    assert chosen.settings["fitted_on"]["source"] == "planted"
    measured = [*source, "--scenarios", "multi", *MEASURED]
    before, after = complete(run("evaluate", *measured)), complete(run("evaluate", *measured, "--correction", file))
    assert all(after[label] > before[label] for label in before)


def test_auto_writes_nothing_where_nothing_helps(run: Run, planted: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    topics = np.repeat(draw.normal(size=(40, 20)), len(LANGUAGES), axis=0).astype(np.float32)
    for name in ("queries", "documents"):
        np.save(planted / f"{name}.npy", topics + 0.01 * draw.normal(size=topics.shape).astype(np.float32))
    arrays = ["--queries", planted / "queries.npy", "--documents", planted / "documents.npy"]
    options = ["--encoder", "precomputed", *arrays, "--method", "auto", "-o", tmp_path / "no.npz"]
    done = run("correct", f"beir:{planted}", *options, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert (result["correction"], result["output"], result["advice"]["remedy"]) == (None, None, "nothing")
    assert "wrote nothing to " in done.err
    assert not (tmp_path / "no.npz").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--method", "auto", "--strength", "0.5"], "auto chooses by itself; leave out --strength, or name a method"),
        (["--method", "auto", "--turn"], "auto chooses by itself; leave out --turn, or name a method"),
        (["--tolerance", "0.1"], "--tolerance is an option of --method auto; give that as well"),
    ],
)
def test_options_that_do_not_go_with_auto(
    run: Run, source: list[object], tmp_path: Path, options: list[str], complaint: str
) -> None:
    assert_complaint(run("correct", *source, *options, "-o", tmp_path / "no.npz"), 2, complaint)
