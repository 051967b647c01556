"""An evaluation in a notebook: its finding, its figure and its table, in a real kernel."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from support.html_page import HtmlPage

from clinometer import Evaluation


def test_a_cell_shows_the_finding_the_figure_and_the_means(demo_evaluation: Evaluation) -> None:
    markup = demo_evaluation._repr_html_()
    page = HtmlPage(markup)
    assert (page.wrong, page.open) == ([], [])
    words = " ".join(page.words)
    assert "unrelated English document ranks above the answer" in words
    assert any(label.startswith("Rank gap to English, by language") for label in page.labels)
    assert "Max@R norm" in words
    assert "script" not in page.tags


def test_without_the_extra_there_is_the_table(demo_evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    markup = demo_evaluation._repr_html_()
    assert "<svg" not in markup
    assert "<table>" in markup


def test_rows_that_no_report_takes_are_shown_all_the_same(demo_evaluation: Evaluation) -> None:
    twice = replace(demo_evaluation, rows=[demo_evaluation.rows[0]] * 2)
    assert "<table>" in twice._repr_html_()


@pytest.mark.notebooks
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_a_real_kernel_shows_it() -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed; nbclient and ipykernel bring it")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    source = (
        "import clinometer as cm\n"
        "cm.evaluate('demo', 'offline', languages=['en', 'de', 'ar'], scenarios=['multi', 'one-sided'], resamples=50)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = [output for output in notebook.cells[0].outputs if output.output_type == "execute_result"]
    assert "<svg" in output.data["text/html"]
    assert "unrelated English document ranks above the answer" in output.data["text/html"]
    assert output.data["text/plain"].startswith("Evaluation of offline on demo")
