"""Options that several commands take are the same in all of them, and are read and refused in one way."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import pytest
from support.command_line import Run, assert_complaint
from support.live_commands import argument_names, commands, options

from clinometer.cli.encoder_options import EncoderOptions, Precomputed, Prompts, Server
from clinometer.cli.expansion import OptionGroup, expand, option, options_set
from clinometer.cli.option_groups import Resampling, Source
from clinometer.errors import UsageError

SOURCE = {"--languages", "--unit", "--split", "--document-language", "--allow-missing", "--complete", "--reader"}
ENCODER = {
    "--encoder", "--batch-size", "--max-length", "--precision", "--device", "--revision", "--trust-remote-code",
    "--query-prompt", "--document-prompt", "--model", "--cache", "--http", "--truncate-dim",
}  # fmt: skip
LIVE = commands()
READING = sorted(name for name, command in LIVE.items() if "SOURCE" in " ".join(argument_names(command)))
ENCODING = sorted(name for name, command in LIVE.items() if "--encoder" in options(command))


def test_which_commands_read_and_encode() -> None:
    assert READING == ["convert", "correct", "encode", "evaluate", "geometry"]
    assert ENCODING == ["correct", "encode", "evaluate", "geometry"]


@pytest.mark.parametrize("name", READING)
def test_every_command_that_reads_a_collection_takes_the_same_source(name: str) -> None:
    ours, reference = options(LIVE[name]), options(LIVE["convert"])
    assert {option: ours.get(option) for option in SOURCE} == {option: reference[option] for option in SOURCE}


@pytest.mark.parametrize("name", ENCODING)
def test_every_command_that_encodes_takes_the_same_encoder(name: str) -> None:
    ours, reference = options(LIVE[name]), options(LIVE["encode"])
    assert {option: ours.get(option) for option in ENCODER} == {option: reference[option] for option in ENCODER}


def test_an_option_of_one_name_is_one_option_unless_it_means_something_else() -> None:
    """Names that mean different things in different commands are listed here, so that no other one drifts apart."""
    own = {
        "--output", "--seed", "--queries", "--documents", "--dtype", "--pivot", "--languages", "--language",
        "--resamples", "--precision", "--batch-size", "--adapter", "--correction", "--allow-missing", "--scale",
        "--relevant", "--workers", "--format",
    }  # fmt: skip
    seen: dict[str, Any] = {}
    for name, command in LIVE.items():
        for flag, described in options(command).items():
            # The heading may differ: in a training, the pivot is part of the data.
            if flag not in own:
                assert seen.setdefault(flag, described[:4]) == described[:4], (name, flag)


def arguments(name: str, folder: Path, out: Path) -> list[object]:
    """What a command needs to run on the tiny collection."""
    arrays: list[object] = [
        "--encoder", "precomputed", "--queries", folder / "queries.npy", "--documents", folder / "documents.npy",
    ]  # fmt: skip
    further: dict[str, list[object]] = {
        "convert": ["-o", f"beir:{out}"],
        "correct": [*arrays, "-o", out / "center.npz"],
        "encode": ["--only", "queries", "-o", out],
        "evaluate": [*arrays, "--resamples", "0"],
        "geometry": arrays,
    }
    return [name, f"beir:{folder}", *further[name]]


@pytest.mark.parametrize("name", READING)
def test_languages_are_read_alike(run: Run, folder: Path, tmp_path: Path, name: str) -> None:
    command = arguments(name, folder, tmp_path / "out")
    done = run(*command, "--languages", " en,de,")
    assert done.code == 0, done.err
    assert "documents/queries by language: en 2/2, de 2/2\n" in done.err
    empty = run(*command, "--languages", ",")
    assert (empty.code, empty.out) == (2, "")
    assert "no language was chosen" in empty.err


@pytest.mark.parametrize("name", READING)
def test_what_is_read_is_restricted_to_what_is_complete(run: Run, folder: Path, tmp_path: Path, name: str) -> None:
    path = folder / "qrels" / "test.tsv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("q-de1")))
    if name == "evaluate":  # its arrays belong to all texts
        done = run("evaluate", f"beir:{folder}", "--encoder", "bm25", "--complete", "--resamples", "0")
    elif name in ("correct", "geometry"):
        done = run(name, f"beir:{folder}", "--complete", *(["-o", tmp_path / "out.npz"] * (name == "correct")))
    else:
        done = run(*arguments(name, folder, tmp_path / "out"), "--complete")
    assert done.code == 0, done.err
    assert "incomplete queries: en 1" in done.err


READER = "--reader parallel: not NAME=VALUE; write it as in query-language=en"
HTTP = "--http speed=1: unknown option 'speed'; expected one of concurrency"
EXECUTOR = "unknown executor 'spark'; expected one of local, ray"
ARRAYS = "--encoder precomputed needs --queries FILE.npy and --documents FILE.npy"
NO_ARRAYS = "--queries and --documents are for --encoder precomputed"
LISTS = "--per-language needs lists; set their length with -k"
DTYPE = "--dtype is 'float64', but must be float32, float16 or int16"

REFUSED: list[tuple[list[str], list[str], str]] = [
    (READING, ["--reader", "parallel"], READER),
    (ENCODING, ["--http", "speed=1"], HTTP),
    (["evaluate", "encode", "scan"], ["--executor", "spark"], EXECUTOR),
    (["evaluate", "geometry", "correct"], ["--encoder", "precomputed"], ARRAYS),
    (["evaluate", "geometry", "correct"], ["--queries", "q.npy"], NO_ARRAYS),
    (["scan", "plan"], ["--per-language"], LISTS),
    (["encode", "store import"], ["--dtype", "float64"], DTYPE),
    (
        ["geometry", "correct", "encode"],
        ["--encoder", "a", "--encoder", "b"],
        " takes one encoder, but 2 are given; only",
    ),
    (["encode", "scan"], ["--workers", "2"], "--workers is for --executor ray"),
    (["train"], ["--seed", "1,1"], "--seed is '1,1'; give different numbers that are not negative"),
    (["train"], ["--seed", "one"], "--seed is 'one'; give whole numbers joined by commas"),
    (["correct"], ["--strength", "much"], "--strength is 'much'; give auto or a number"),
]
CASES = [(name, wrong, sentence) for names, wrong, sentence in REFUSED for name in names]
REQUIRED: dict[str, list[object]] = {
    "convert": ["demo", "-o", "beir:out"],
    "correct": ["demo", "-o", "out.npz"],
    "encode": ["demo", "-o", "out"],
    "evaluate": ["demo"],
    "geometry": ["demo"],
    "plan": ["--documents", "1e6", "--queries", "1e3", "--dimension", "64"],
    "scan": ["absent", "--relevant", "absent.tsv"],
    "store import": ["absent.npy", "-o", "out"],
    "train": ["absent", "--data", "absent.jsonl", "--language", "de", "-o", "out"],
}


@pytest.mark.parametrize(("name", "wrong", "sentence"), CASES, ids=[f"{name} {wrong[0]}" for name, wrong, _ in CASES])
def test_the_checks_of_groups(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrong: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*name.split(), *REQUIRED[name], *wrong)
    assert_complaint(done, 2, sentence)
    assert len(done.err.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_options_that_commands_gained_reach_the_work(run: Run, folder: Path) -> None:
    prompted = run("geometry", f"beir:{folder}", "--query-prompt", "query: ")
    assert (prompted.code, prompted.out) == (2, "")
    assert "--query-prompt has no effect on the offline encoder" in prompted.err
    precise = run("correct", f"beir:{folder}", "--precision", "bfloat16", "-o", folder / "it.npz")
    assert (precise.code, precise.out) == (2, "")
    assert "precision has no effect on the offline encoder" in precise.err
    for name in ("geometry", "correct"):
        done = run(name, f"beir:{folder}", "--reader", "colour=red", *(["-o", folder / "it.npz"] * (name == "correct")))
        assert done.code == 2
        assert "unknown option --reader colour of beir" in done.err
    done = run("geometry", f"beir:{folder}", "--split", "absent")
    assert done.code == 1
    assert "absent.tsv" in done.err


# from dataclasses to options


@dataclass(frozen=True)
class Inner(OptionGroup):
    panel = "Inside"

    depth: Annotated[int, option("N", "Depth of the search.", min=1)] = 3


@dataclass(frozen=True)
class Outer(OptionGroup):
    panel = "Outside"

    width: Annotated[int, option("N", "Width of the search.")]
    inner: Inner = Inner(depth=5)


def test_groups_become_options_and_come_back() -> None:
    calls = []

    def command(outer: Outer, name: Annotated[str, option("NAME", "Name.")] = "x") -> None:
        calls.append((outer, name))

    expanded = expand(command)
    parameters = signature(expanded).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "width": parameters["width"].empty, "depth": 5, "name": "x",
    }  # fmt: skip
    panels = [parameter.annotation.__metadata__[0].rich_help_panel for parameter in parameters.values()]
    assert panels == ["Outside", "Inside", None]
    expanded(width=1, depth=2, name="y")
    assert calls == [(Outer(1, Inner(2)), "y")]


def test_a_command_has_defaults_of_its_own() -> None:
    resamples = {name: options(LIVE[name])["--resamples"] for name in ("evaluate", "compare")}
    assert resamples["evaluate"][3] == Resampling().resamples == 1000
    assert resamples["compare"][3] == 10_000
    assert resamples["evaluate"][:3] == resamples["compare"][:3]
    assert options(LIVE["encode"])["--dtype"][3] == "float32"
    assert options(LIVE["store import"])["--dtype"][3] is None


def test_only_what_is_set_is_handed_on(tmp_path: Path) -> None:
    assert Source().arguments() == {}
    assert EncoderOptions().arguments() == {}
    server = Server(model="m", cache=tmp_path, http=["retries=2"])
    assert EncoderOptions(prompts=Prompts("q: ", ""), server=server, trust_remote_code=True).arguments() == {
        "trust_remote_code": True, "query_prompt": "q: ", "document_prompt": "", "model": "m", "cache": tmp_path,
        "http": server.arguments()["http"],
    }  # fmt: skip
    vectors = Precomputed(EncoderOptions(encoder="offline", prompts=Prompts("q: ")))
    assert options_set(vectors, Source(allow_missing=True)) == ["--encoder", "--query-prompt", "--allow-missing"]
    with pytest.raises(UsageError, match="--encoder precomputed needs"):
        Precomputed(EncoderOptions(encoder="precomputed"), queries=str(tmp_path))
