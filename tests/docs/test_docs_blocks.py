"""Every block of README, the quickstart and the how-to pages runs as it is written, or says why it cannot.

sybil and pytest-markdown-docs make a test of each block; the workers of pytest-xdist would then share the blocks of a
page out, and names and files of the earlier ones be lost. So a page is a test here, and its blocks run in order.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import documentation, foreign_warnings, page_setups, page_stage
from support.command_line import Run
from support.documentation import ROOT, Block, blocks
from support.page_runner import PageRunner

from clinometer.training.items import ParallelItem

PAGES = [
    "README.md",
    *(f"docs/{name}.md" for name in ("index", "quickstart", "commands")),
    *sorted(str(path.relative_to(ROOT)) for room in ("for", "how-to") for path in (ROOT / "docs" / room).glob("*.md")),
]
WITH_MODELS = [page for page in PAGES if any(block.needs == "models" for block in blocks(page))]

EVERY_SCENARIO = {"docs/quickstart.md", "docs/how-to/continuous-integration.md"}
"""Pages whose evaluations are not cut down to one scenario: the first that people read, and one with conditions."""

COUNTS = {
    "run": 86,
    "run with models": 8,
    "run with mteb": 2,
    "installs": 7,
    "file": 6,
    "output": 3,
    "marked": 14,
    "shown": 6,
}
"""Blocks of all pages by kind. A block that is new, or no longer runs, changes a number here, so it is seen."""

REASONS = {
    "a GPU": 2,
    "a cluster": 4,
    "a cluster and object storage": 2,
    "object storage": 1,
    "a hub": 2,
    "the files of NeuCLIR": 1,
    "PostgreSQL with pgvector": 1,
    "MLflow and Weights & Biases": 1,
}


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    page_stage.build(folder)
    return folder


@pytest.fixture
def folder(stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    shutil.copytree(stage, work)
    monkeypatch.chdir(work)
    return work


@contextmanager
def runner(page: str, folder: Path, run: Run, **more: str) -> Iterator[PageRunner]:
    with page_setups.prepared(page, run) as setting:
        placeholders = setting.placeholders | more
        yield PageRunner(folder, setting.names, placeholders, run, every_scenario=page in EVERY_SCENARIO)


@pytest.mark.timeout(1200)  # a page is many commands, and the machine may be busy
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str, folder: Path, run: Run) -> None:
    with runner(page, folder, run) as page_runner:
        for block in blocks(page):
            if block.needs is None:
                page_runner.run(block)


def _write_pairs(path: Path, items: list[ParallelItem]) -> None:
    rows = [
        {
            "id": item.id,
            "texts": {label: dict(zip(("query", "document"), pair, strict=True)) for label, pair in item.texts.items()},
        }
        for item in items
    ]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.mark.models
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", WITH_MODELS)
def test_the_blocks_that_need_models_run(page: str, folder: Path, run: Run) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    from support import tiny_transformer

    with foreign_warnings.ignored(DeprecationWarning, FutureWarning, UserWarning):
        tiny_transformer.build(folder / "parts").save(str(folder / "tiny"))
        _write_pairs(folder / "pairs.jsonl.gz", tiny_transformer.items(240))
        page_setups.write_parquet()
        with runner(page, folder, run, **{"intfloat/multilingual-e5-small": "tiny"}) as page_runner:
            needed = [block for block in blocks(page) if block.needs in (None, "models")]
            last = max(number for number, block in enumerate(needed) if block.needs == "models")
            for block in needed[: last + 1]:
                if block.needs == "models" or page != "README.md":
                    page_runner.run(block)
                if (
                    "SentenceTransformerTrainer(" in block.code
                ):  # step, balance, Complete@10: it was evaluated in between
                    assert re.search(r"(?m)^20 [01]\.\d+ \d+\.\d$", page_runner.output), page_runner.output


def test_every_block_is_counted() -> None:
    every = [block for page in PAGES for block in blocks(page)]
    counts = Counter(block.kind for block in every)
    assert dict(counts) == COUNTS
    reasons = Counter(block.reason.removeprefix("needs ") for block in every if block.reason)
    assert dict(reasons) == REASONS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("```python\nx = 1\n```\n", "run"),
        ("```bash\nclinometer demo\n```\n", "run"),
        ("```bash\nmake demo\npip install '.[models]'\n```\n", "installs"),
        ("```bash\nmake demo\nclinometer demo\n```\n", "run"),
        ("```bash\n# not run by the tests: needs a GPU\nclinometer demo\n```\n", "marked"),
        ("```python\nx = 1 # not run by the tests: needs a GPU\n```\n", "run"),
        ("<!-- needs: models -->\n```python\nx = 1\n```\n", "run with models"),
        ("1. A list\n\n    <!-- needs: models -->\n    ```python\n    x = 1\n    ```\n", "run with models"),
        ('```json title="a.json"\n{}\n```\n', "file"),
        ("```text\n1\n```\n", "shown"),
    ],
)
def test_kinds_of_blocks(text: str, kind: str) -> None:
    assert [block.kind for block in documentation.parsed("page.md", text)] == [kind]


def test_output_is_what_follows_code_at_once() -> None:
    code = "```python\nprint(1)\n```\n\n"
    assert [block.kind for block in documentation.parsed("page.md", code + "```text\n1\n```\n")] == ["run", "output"]
    apart = documentation.parsed("page.md", code + "A form:\n\n```text\n1\n```\n")
    assert [block.kind for block in apart] == ["run", "shown"]


@pytest.mark.parametrize("text", ["A form:\n\n    x = 1\n", "```\nx = 1\n```\n", "```rust\nx\n```\n"])
def test_blocks_without_a_known_language_are_refused(text: str) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:\d+: "):
        documentation.parsed("page.md", text)


@pytest.mark.parametrize(
    ("language", "code", "part"),
    [
        ("python", "1 / 0\n", "division by zero"),
        ("bash", "clinometer evaluate nothing\n", "unknown source"),
        ("bash", "false\n", "false"),
        ("bash", "pip install clinometer\n", "install from the clone"),
        ("bash", "pip install '.[modles]'\n", "modles"),
        ("bash", "make dmeo\n", "dmeo"),
    ],
)
def test_a_block_that_does_not_run_fails_and_is_named(
    language: str, code: str, part: str, folder: Path, run: Run
) -> None:
    block = Block("page.md", 7, "", language, code)
    with pytest.raises(Exception, match=part) as caught:
        PageRunner(folder, {}, {}, run).run(block)
    assert caught.value.__notes__ == ["in the block at page.md:7"]


def test_output_that_differs_fails(folder: Path, run: Run) -> None:
    one = PageRunner(folder, {}, {}, run)
    one.run(Block("page.md", 1, "", "python", "print('a', 1.25, 'b')\n"))
    one.run(Block("page.md", 5, "", "text", "a ... b\n", follows_code=True))
    with pytest.raises(AssertionError, match="expected:\na 2"):
        one.run(Block("page.md", 9, "", "text", "a 2 b\n", follows_code=True))
