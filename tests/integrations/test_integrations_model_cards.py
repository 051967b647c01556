"""Model cards: the section is put in and replaced, and the rest stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinometer import Evaluation
from clinometer.errors import UsageError
from clinometer.files import put_section
from clinometer.integrations.model_cards import add_to_card, card_section


@pytest.fixture
def evaluation(demo_evaluation: Evaluation) -> Evaluation:
    return demo_evaluation


def test_the_table_has_the_values_of_the_results(evaluation: Evaluation) -> None:
    lines = card_section(evaluation).splitlines()
    assert lines[0] == "## Language bias in mixed pools: demo"
    assert lines[2].startswith("| questions in | Complete@10, multi | MaxRnorm, multi | RankGap, multi |")
    (german,) = [line for line in lines if line.startswith("| de |")]
    cells = [cell.strip() for cell in german.split("|")[2:-1]]
    complete, gap = evaluation.value("Complete@10", "multi", "de"), evaluation.value("RankGap", "multi", "de")
    assert gap is not None
    assert cells[0] == f"{complete:.1f}"
    assert cells[2] == f"{gap:.2f}".replace("-", "−")
    assert "| **mean without the pivot** |" in card_section(evaluation)
    assert evaluation.collection["digest"][:12] in lines[-1]
    assert ": 225 documents in en, de, zh, digest " in lines[-1]


def test_a_section_is_replaced_and_the_rest_stays(evaluation: Evaluation, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nlanguage: [en, de]\n---\n\n# Model\n\nText.\n", encoding="utf-8")
    assert add_to_card(tmp_path, evaluation) == card
    put_section(card, "other", "Kept.")
    once = card.read_text(encoding="utf-8")
    add_to_card(card, evaluation)
    assert card.read_text(encoding="utf-8") == once
    assert once.startswith(
        "---\nlanguage: [en, de]\n---\n\n# Model\n\nText.\n\n<!-- begin: clinometer demo -->\n## Lang"
    )
    assert once.endswith("<!-- begin: clinometer other -->\nKept.\n<!-- end: clinometer other -->\n")
    changed = replace(evaluation, notices=["something was left out"])
    add_to_card(tmp_path, changed)
    assert "Note: something was left out." in card.read_text(encoding="utf-8")
    assert card.read_text(encoding="utf-8").count("## Language bias") == 1


def test_a_card_is_made_but_no_folder(evaluation: Evaluation, tmp_path: Path) -> None:
    add_to_card(tmp_path, evaluation)
    assert (tmp_path / "README.md").read_text(encoding="utf-8").startswith("<!-- begin: clinometer demo -->")
    with pytest.raises(FileNotFoundError, match="none does not exist; save the model"):
        add_to_card(tmp_path / "none", evaluation)
    with pytest.raises(UsageError, match="the results have none of nDCG@77 in multi"):
        card_section(evaluation, columns=[("multi", "nDCG@77")])
