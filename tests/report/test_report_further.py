"""Language preference, groups by a field, pairs of languages, several results at a glance: only where rows exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clinometer.report import plain_report, render_html, render_markdown
from clinometer.report.base.canvas import SHADES, ink_on
from clinometer.report.base.palette import PALETTE
from clinometer.report.base.shapes import Box, Text
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.causes import _COLOURS
from clinometer.report.evaluation.figures import Drawing, draw_heats
from clinometer.report.evaluation.groups import draw_groups, group_table, groups
from clinometer.report.evaluation.page import drawings_of
from clinometer.report.evaluation.preference import _PARTS, chance, draw_preference, preference
from clinometer.report.evaluation.sections import sections
from clinometer.report.evaluation.tables import overview
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]
LANGUAGES = ["en", "de", "th", "zh"]


def with_preference(result: dict[str, Any], make_row: Make, measures: tuple[str, ...]) -> dict[str, Any]:
    values = {"LPR": 40.0, "LangNDCG@10": 0.5, "FourWay(SR-QL)": 40.0, "FourWay(SR-NQL)": 30.0,
              "FourWay(NSR-QL)": 20.0, "FourWay(NSR-NQL)": 10.0, "RankDistance": 7.0}  # fmt: skip
    rows = [
        make_row("multilingual", label, LANGUAGES, name, values[name])
        for name in measures
        for label in [*LANGUAGES, "macro-target"]
    ]
    return result | {"rows": [*result["rows"], *rows]}


def names(results: list[dict[str, Any]]) -> list[str]:
    readings = read_results(results)
    return [section.name for section in sections(readings, by_lean(readings))]


def test_sections_exist_only_where_their_rows_do(make_result: Make, make_row: Make) -> None:
    plain = make_result()
    assert names([plain]) == ["lean", "versions", "intrusion", "mono", "multilingual"]
    assert names([make_result(scenarios=("mono-same",))]) == ["mono"]
    assert "preference" in names([with_preference(plain, make_row, ("LPR",))])
    assert names([with_preference(plain, make_row, ("RankDistance",))]) == names([plain])
    assert names([plain, make_result(name="b", start=900)])[0] == "overview"
    assert "groups" in names([plain | {"by": grouped(make_row)}])


def test_language_preference(make_result: Make, make_row: Make) -> None:
    measures = ("LPR", "LangNDCG@10", *_PARTS, "RankDistance")
    result = with_preference(make_result(), make_row, measures)
    readings = read_results([result])
    section = preference(readings, by_lean(readings))
    assert section is not None
    assert "comes to 25.0%" in section.text
    assert chance(readings) == 25
    heads = [[column.head for column in table.columns] for table in section.tables]
    assert heads[0] == ["LPR"]
    assert heads[1] == ["nDCG@10 ↑", "Lang-nDCG@10 ↑", "Rank distance ↓"]
    assert len(heads[2]) == 4
    assert [line.label for line in section.tables[0].lines][-1] == "English queries"
    drawings = draw_preference(readings, by_lean(readings))
    assert [drawing.name for drawing in drawings] == ["preference-lpr", "preference-parts"]
    assert "chance 25%" in drawings[0].svg
    assert [mark.text for mark in drawings[1].key] == [text for text, _ in _PARTS.values()]
    for text in (render_html([result]), render_markdown([result])):
        assert "Which language does it prefer?" in text


def test_pools_of_different_sizes_have_no_one_chance_level(make_result: Make, make_row: Make) -> None:
    small = make_result(languages=("en", "de"), name="small", start=500)
    assert chance(read_results([make_result(), small])) is None


def grouped(make_row: Make) -> list[dict[str, Any]]:
    rows = []
    for group, value, queries in (("a <b>", 0.1, 30), ("b", 0.4, 3), ("c", 0.2, 9)):
        for label in ("de", "macro-target"):
            pool = ["*"] if label.startswith("macro") else ["en", "de"]
            row = make_row("one-sided", label, pool, "Intrusion", value, queries=queries)
            rows.append({"field": "topic", "group": group} | row)
    return rows


def test_groups_come_in_the_order_of_their_values_with_their_counts(make_result: Make, make_row: Make) -> None:
    result = make_result() | {"by": grouped(make_row)}
    readings = read_results([result])
    table = group_table(readings, by_lean(readings))
    assert table is not None
    assert (table.corner, [column.head for column in table.columns]) == ("Topic", ["Intrusion, one-sided ↓", "Queries"])
    assert [(line.label, [cell.text for cell in line.cells]) for line in table.lines] == [
        ("b", ["40.0", "3"]), ("c", ["20.0", "9"]), ("a <b>", ["10.0", "30"]),
    ]  # fmt: skip
    drawing = draw_groups(readings, by_lean(readings))
    assert drawing is not None
    assert "The highest: b 40.0, c 20.0" in drawing.text
    html = render_html([result])
    assert "By topic" in html
    assert "a &lt;b&gt;" in html
    assert "a <b>" not in html
    assert "By topic" in plain_report([result], verbose=True)
    assert "The results by topic are under --verbose." in plain_report([result])


def test_one_target_language_is_no_mean(make_result: Make, make_row: Make) -> None:
    by = [row for row in grouped(make_row) if row["query_language"] == "de"]
    readings = read_results([make_result(languages=("en", "de")) | {"by": by}])
    section = groups(readings, ["de"])
    assert section is not None
    assert "queries in German" in section.text
    assert len(section.tables[0].lines) == 3


def test_results_grouped_by_different_fields_are_not_mixed(make_result: Make, make_row: Make) -> None:
    other = [row | {"field": "source"} for row in grouped(make_row)]
    readings = read_results([make_result() | {"by": grouped(make_row)}, make_result(name="b") | {"by": other}])
    assert groups(readings, by_lean(readings)) is None


def test_intrusion_of_every_pair_is_a_matrix(make_result: Make) -> None:
    result = make_result(pairs="all")
    readings = read_results([result])
    section = next(s for s in sections(readings, by_lean(readings)) if s.name == "intrusion")
    matrix = section.tables[1]
    for line, query in zip(matrix.lines, ["en", *by_lean(readings)], strict=True):
        for cell, other in zip(line.cells, ["en", *by_lean(readings)], strict=True):
            if query == other:
                assert cell.text == "–"
                continue
            row = readings[0].places["one-sided", query, tuple(sorted((query, other)))]["Intrusion"]
            assert cell.text == f"{100 * row['value']:.1f}"
    assert "intrusion-pairs-1-figure" in [drawing.name for drawing in drawings_of([result])]
    assert (
        len(next(s for s in sections(read_results([make_result()]), LANGUAGES[1:]) if s.name == "intrusion").tables)
        == 1
    )


def test_many_results_are_told_by_a_table(make_result: Make) -> None:
    results = [make_result(name=f"encoder {number}", start=1 + 400 * number) for number in range(5)]
    readings = read_results(results)
    section = overview(readings, by_lean(readings))
    assert section is not None
    (table,) = section.tables
    assert [line.label for line in table.lines] == [f"encoder {number}" for number in range(5)]
    rows = readings[3].places["one-sided", "macro-target", ("*",)]
    assert table.lines[3].cells[0].text == f"{100 * rows['Intrusion']['value']:.1f}"
    for text in (render_html(results), plain_report(results, verbose=True)):
        assert "5 results; the table shows them side by side" in text
        assert "Queries in 3 languages, averaged" in text
    assert overview(read_results(results[:1]), ["de"]) is None
    assert "averaged, unless" not in plain_report(results[:2], verbose=True)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


NAMES = {light: name for name, (light, _) in PALETTE.items()}


@pytest.mark.parametrize("colour", [*_COLOURS.values(), *(colour for _, colour in _PARTS.values())])
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_numbers_on_bars_can_be_read(colour: str, scheme: int) -> None:
    ink, ground = PALETTE[NAMES[ink_on(colour)]], PALETTE[NAMES[colour]]
    assert contrast(ink[scheme], ground[scheme]) >= 4.5


def mixed(colour: str, paper: str, share: float) -> str:
    """A colour of which only a share covers the paper."""
    parts = ((int(colour[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * above + (1 - share) * below):02x}" for above, below in parts)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_numbers_in_a_heat_map_can_be_read(scheme: int) -> None:
    ink, paper, heat = (PALETTE[name][scheme] for name in ("ink", "paper", "heat"))
    assert min(contrast(ink, mixed(heat, paper, share)) for share in (0, *SHADES)) >= 4.5
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_coloured_text_and_marks_can_be_told_from_the_paper(scheme: int) -> None:
    def against(name: str, ground: str) -> float:
        return contrast(PALETTE[name][scheme], PALETTE[ground][scheme])

    for name in ("ink", "soft", "pivot", "own", "better", "worse"):
        assert against(name, "paper") >= 4.5, name
    assert against("soft", "wash") >= 4.5
    assert against("soft", "answer-tint") >= 4.5
    # Marks without text have a shape as well: WCAG asks for 3 to 1.
    for name in PALETTE:
        if name.startswith("encoder") or name in ("other", "answer", "duplicate", "near-tie"):
            assert against(name, "paper") >= 3, name


def test_a_colour_has_one_meaning() -> None:
    lights = [light for light, _ in PALETTE.values()]
    assert len(lights) == len(set(lights))
    kinds = ("pivot", "own", "other", "answer", "translation", "duplicate", "near-tie", "worse")
    for scheme in (0, 1):
        hues = [PALETTE[name][scheme] for name in kinds]
        for position, one in enumerate(hues):
            for other in hues[position + 1 :]:
                steps = (abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5))
                assert max(steps) >= 0x28, (one, other)


def test_several_encoders_have_a_heat_map_each_with_equal_shades() -> None:
    columns = [Column(f"nDCG@10, {kind} ↑", "", name) for kind in ("same language", "English queries")
               for name in ("long-name-of-an-encoder", "b")]  # fmt: skip
    lines = [
        Line("German (de)", (Cell("0.2"), Cell("0.9"), Cell("0.4"), Cell("1.0")), language="de"),
        Line("mean", (Cell("0.0"),) * 4, mean=True),
    ]
    table = Table("mono", "In pools of one language", "", "Language", tuple(columns), tuple(lines))
    first, second = draw_heats(table, name="mono")
    assert [first.name, second.name] == ["mono", "mono-2"]
    assert first.title == "In pools of one language, long-name-of-an-encoder"
    for drawing in (first, second):
        assert [head for head in ("same\nlanguage", "English\nqueries") if head in drawn_texts(drawing)] != []
        assert not any("…" in text or "encoder" in text for text in drawn_texts(drawing))
    shades = [item.shape.opacity for drawing in (first, second) for item in drawing.sheet.placed
              if isinstance(item.shape, Box) and item.tip]  # fmt: skip
    # 0.2, 0.4, 0.9 and 1.0, on one scale.
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == pytest.approx(SHADES)
    assert shades[1] - shades[0] == pytest.approx(0.25 * (SHADES[1] - SHADES[0]))


def drawn_texts(drawing: Drawing) -> list[str]:
    return [item.shape.text for item in drawing.sheet.placed if isinstance(item.shape, Text)]
