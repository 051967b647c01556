"""Steps of pools as text: what is written is what is done, and all that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.parallel_texts import parallel_collection

from clinometer import pools
from clinometer.errors import UsageError
from clinometer.pools.grammar import FORMS


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("skew(en=0.9,de=0.05)", "skew", {"shares": {"en": 0.9, "de": 0.05}}),
        (" Skew ( eng_Latn = .9, queries=any, seed=4 ) ", "skew", {"shares": {"en": 0.9}, "queries": "any", "seed": 4}),
        ("translate-partly(0.5, rest=random)", "translate_partly", {"share": 0.5, "rest": "random"}),
        ("near_duplicates(share=0.1, judged=no)", "near_duplicates", {"share": 0.1, "judged": False}),
        ("untranslated(1, how=half, pivot=deu_Latn)", "untranslated", {"share": 1.0, "how": "half", "pivot": "de"}),
        ("code_switch()", "code_switch", {}),
        (
            "distract(a=parallel:x.jsonl,y.jsonl, b=beir:dir (old), size=500)",
            "distract",
            {"others": {"a": "parallel:x.jsonl,y.jsonl", "b": "beir:dir (old)"}, "size": 500},
        ),
    ],
)
def test_steps_are_read(text: str, name: str, options: dict[str, object]) -> None:
    (step,) = pools.parse([text])
    assert (step.name, step.options, step.text) == (name, options, text.strip())


def test_every_documented_form_but_for_its_choices_is_read() -> None:
    for form in FORMS.values():
        parts = [part.split("|")[0] for part in form.removesuffix(")").split(",")]
        assert pools.parse([",".join(parts) + ")"])[0].name == form.split("(")[0]


def test_all_bad_parts_are_named_at_once() -> None:
    bad = [
        "skew",
        "sqew(en=1)",
        "skew(en=2, de=a, seed=-1)",
        "skew()",
        "near_duplicates(0.1, judged=perhaps, colour=red)",
        "translate_partly(rest=pivot)",
        "code_switch(0.1, share=0.2)",
        "distract(size=many)",
        "distract(x=)",
    ]
    # Two lists, since what one message repeats is bounded.
    said = ""
    for some in (bad[:4], bad[4:]):
        with pytest.raises(UsageError) as caught:
            pools.parse(["skew(en=0.5)", *some])
        said += str(caught.value)
    for text in bad:
        assert repr(text) in said
    for part in (
        "'en=2'", "'de=a'", "'seed=-1'", "shares is missing", "'judged=perhaps'", "'colour=red'", "share is missing",
        "share is repeated", "'size=many'", "'x='",
    ):  # fmt: skip
        assert part in said
    assert "'skew(en=0.5)'" not in said
    with pytest.raises(UsageError, match="must be a list"):
        pools.parse("skew(en=0.5)")


def test_distractors_are_read_from_their_source(tmp_path: Path) -> None:
    file = tmp_path / "more.jsonl"
    file.write_text('{"id": "1", "texts": {"en": {"query": "Who?", "document": "Another page."}}}\n')
    pool = pools.apply(parallel_collection(3, ("en", "de")), [f"distract(more=parallel:{file})"])
    assert pool.documents.ids[-1] == "more:en:1"


def test_the_pivot_of_the_evaluation_is_the_pivot_of_the_steps() -> None:
    collection = parallel_collection(6)
    (made,) = {pools.apply(collection, ["untranslated(0.5)"], pivot="de").notes["pool_1"]["made by"]}
    assert "pivot=de" in made
    assert pools.apply(collection, ["untranslated(0.5, pivot=zh)"], pivot="de").notes["pool_1"]["made by"] != made
