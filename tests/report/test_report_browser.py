"""The pages in a real browser: sorting, languages, hover, colours, phones, paper, no scripts, and rules of access."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.report_pages import compared_page, leaderboard_page, one_result, several_results

from clinometer.report import render_html

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; make test-browser does it")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH; install the package chromium"),
]
Open = Callable[..., Any]
DESKTOP, PHONE = (1280, 800), (390, 844)
PAGES = {
    "one": lambda: render_html([one_result()]),
    "pairs": lambda: render_html([one_result(pairs="all")]),
    "several": lambda: render_html(several_results()),
    "compared": compared_page,
    "leaderboard": leaderboard_page,
}
REPORTS = [name for name in PAGES if name not in ("leaderboard", "pairs")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.html" for name in PAGES}
    for name, path in paths.items():
        path.write_text(PAGES[name](), encoding="utf-8")
    return paths


@pytest.fixture
def show(browser: Any, files: dict[str, Path]) -> Iterator[Open]:
    """Opens a page; at the end of the test no page may have complained or asked for anything but itself."""
    contexts, complaints, addresses = [], [], []

    def opened(name: str = "one", size: tuple[int, int] = DESKTOP, scheme: str = "light", scripts: bool = True) -> Any:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=scripts
        )
        # A busy machine is slow, not wrong.
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: addresses.append(request.url))
        page.goto(files[name].as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert {address.partition("#")[0] for address in addresses} <= {path.as_uri() for path in files.values()}


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach(part => { part.open = true; })")


def column(table: Any, number: int) -> list[str]:
    """What a reader sees in a column of a table, without intervals."""
    cells = table.locator(f"tbody tr:visible > *:nth-child({number + 1})").all()
    return [cell.evaluate("cell => cell.firstChild.textContent") for cell in cells]


def test_the_first_screen_has_the_sentence_the_figure_and_four_numbers(show: Open) -> None:
    page = show()
    parts = ["h1", ".headline", ".numbers div:nth-child(4)", "#verdict figure > svg"]
    bottoms = [page.locator(part).bounding_box() for part in parts]
    assert all(box["y"] + box["height"] <= DESKTOP[1] for box in bottoms)
    assert page.locator("#verdict .numbers div").count() == 4
    assert page.locator("details.table[open]").count() == 0


def test_the_contents_stay_and_lead_to_every_part(show: Open) -> None:
    page = show()
    links = page.locator("nav.contents a")
    assert links.count() > 6
    links.get_by_text("Settings").click()
    assert page.evaluate("location.hash") == "#settings"
    assert page.locator("nav.contents").bounding_box()["y"] >= 0
    phone = show(size=PHONE)
    assert not phone.locator("nav.contents").is_visible()
    phone.locator("details.contents summary").click()
    phone.locator("details.contents a", has_text="Every row").click()
    assert phone.locator("details.contents").get_attribute("open") is None
    assert phone.locator("#rows h2").bounding_box()["y"] < PHONE[1] / 2


def test_tables_are_sorted_by_any_column_and_means_stay_last(show: Open) -> None:
    page = show()
    unfold(page)
    table = page.locator("#lean table")
    before = column(table, 1)
    button = table.locator("thead button", has_text="Rank gap").first
    button.click()
    assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "descending"
    numbers = [float(text.replace("−", "-")) for text in column(table, 1)[:-1]]
    assert numbers == sorted(numbers, reverse=True)
    assert column(table, 0)[-1] == "mean"
    button.click()
    numbers = [float(text.replace("−", "-")) for text in column(table, 1)[:-1]]
    assert numbers == sorted(numbers)
    assert sorted(column(table, 1)) == sorted(before)
    names = table.locator("thead button").first
    names.click()
    languages = column(table, 0)[:-1]
    assert languages == sorted(languages)
    assert table.locator("thead [aria-sort]").count() == 1


def test_encoders_side_by_side_are_sorted_each_by_itself(show: Open) -> None:
    page = show("several")
    unfold(page)
    table = page.locator("#intrusion table").first
    buttons = table.locator("thead tr").nth(1).locator("button")
    assert buttons.count() == 2 * len(several_results())
    for number in range(2):
        buttons.nth(number).click()
        # Less intrusion is better, so the best comes first.
        values = [float(text) for text in column(table, number + 1)[:-1]]
        assert values == sorted(values)


def test_a_leaderboard_is_sorted_by_the_numbers_themselves(show: Open) -> None:
    page = show("leaderboard")
    table = page.locator("main table").first
    for head, sign in (("Complete@10", -1), ("Intrusion", 1)):
        table.locator("thead button", has_text=head).first.click()
        rows = table.locator("tbody tr").all()
        number = table.locator("thead th[aria-sort]").evaluate("head => head.cellIndex")
        values = [float(row.locator("> *").nth(number).get_attribute("data-number")) for row in rows]
        assert len(set(values)) == 3
        assert values == sorted(values, key=lambda value: sign * value)


def test_a_choice_of_languages_holds_in_tables_charts_and_queries(show: Open) -> None:
    page = show()
    unfold(page)
    page.locator(".filter summary").click()
    page.locator(".filter [data-none]").click()
    page.locator(".filter label", has_text="Arabic").click()
    assert page.locator(".filter .count").inner_text() == "1 of 10"
    assert "1 of 10 languages" in page.locator(".status").inner_text()
    assert column(page.locator("#lean table"), 0) == ["Arabic (ar)", "mean"]
    assert page.locator("details.drill:visible").count() == 1
    assert page.locator("#verdict svg .mark.out").count() == 2 * 8
    assert page.locator("#verdict svg .mark:not(.out)").count() == 2
    page.locator(".filter [data-all]").click()
    assert page.locator("svg .out").count() == 0
    assert len(column(page.locator("#lean table"), 0)) == 10
    assert page.locator(".status").inner_text() == ""


def test_a_choice_of_languages_holds_in_the_columns_of_a_matrix(show: Open) -> None:
    page = show("pairs")
    unfold(page)
    table = page.locator("#mono table")
    heads = table.locator("thead th:visible")
    assert heads.count() == 1 + 10
    page.locator(".filter summary").click()
    page.locator(".filter [data-none]").click()
    for name in ("Arabic", "Turkish"):
        page.locator(".filter label", has_text=name).click()
    names = [text.partition("\n")[0] for text in heads.all_inner_texts()]
    assert names == ["Queries in", "Arabic", "Turkish"]
    assert table.locator("tbody tr:visible").count() == 2
    for line in table.locator("tbody tr:visible").all():
        assert line.locator("td:visible").count() == 2
        # The cells are those of the columns: the second language and the ninth.
        everything = line.locator("td").all_text_contents()
        assert line.locator("td:visible").all_text_contents() == [everything[1], everything[8]]
    # Columns of measures stay.
    assert page.locator("#lean thead th[hidden]").count() == 0
    table.locator("thead button", has_text="Turkish").click()
    assert column(table, 0) in (["Turkish (tr)", "Arabic (ar)"], ["Arabic (ar)", "Turkish (tr)"])
    page.locator(".filter [data-all]").click()
    assert table.locator("th:visible, td:visible").count() == 11 * 11
    plain = show("pairs", scripts=False)
    plain.locator("#mono details.table summary").first.click()
    assert plain.locator("#mono table").locator("th:visible, td:visible").count() == 11 * 11


def test_marks_show_value_interval_and_number_of_queries(show: Open) -> None:
    page = show()
    mark = page.locator("#verdict svg .mark[data-line=ar]").first
    mark.hover()
    text = page.locator("#tip").inner_text()
    assert text.startswith("Arabic, queries in the row's language: Rank gap +")
    assert "interval +" in text
    assert text.endswith("1,190 queries")
    box = page.locator("#tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= DESKTOP[0]
    page.mouse.move(5, 5)
    assert not page.locator("#tip").is_visible()
    for figure in page.locator("figure svg[aria-label]").all():
        assert figure.locator(".mark").count() > 0


def test_a_chart_is_one_stop_of_the_keyboard(show: Open) -> None:
    page = show()
    marks = page.locator("#verdict svg .mark")
    assert page.locator("#verdict svg .mark[tabindex='0']").count() == 1
    marks.first.focus()
    first = page.locator("#tip").inner_text()
    page.keyboard.press("ArrowDown")
    second = page.locator("#tip").inner_text()
    assert first != second
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == second
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('svg')") is None


def test_a_language_leads_to_its_worst_queries(show: Open) -> None:
    page = show()
    page.locator("#verdict svg .mark[data-line=ar]").first.click()
    drill = page.locator("details.drill[data-language=ar]")
    assert drill.get_attribute("open") is not None
    article = drill.locator("article").first
    assert 0 <= article.bounding_box()["y"] < DESKTOP[1]
    texts = article.locator("[dir=auto]")
    assert texts.first.get_attribute("lang") == "ar"
    assert texts.first.evaluate("text => getComputedStyle(text).direction") == "rtl"
    english = article.locator("[dir=auto][lang=en]").first
    assert english.evaluate("text => getComputedStyle(text).direction") == "ltr"
    assert "score 0.75, ahead by +0.25" in article.inner_text()
    assert article.locator("li.answer").count() == 1
    unfold(page)
    page.locator("#lean tbody a", has_text="German").click()
    assert page.evaluate("location.hash") == "#" + page.locator("details.drill[data-language=de] [id]").get_attribute(
        "id"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_until_they_are_switched(show: Open, scheme: str) -> None:
    page = show(scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    fill = "getComputedStyle(document.querySelector('#verdict svg .mark :is(circle, path)')).fill"
    grounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 23, 29)"}
    assert page.evaluate(ground) == grounds[scheme]
    ink = page.evaluate(fill)
    page.locator(".theme").click()
    other = {"light": "dark", "dark": "light"}[scheme]
    assert page.evaluate(ground) == grounds[other]
    assert page.evaluate(fill) != ink
    page.reload()
    assert page.evaluate(ground) == grounds[other]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_phone_scrolls_in_one_direction(show: Open, name: str, scripts: bool) -> None:
    page = show(name, size=PHONE, scripts=scripts)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    ends = (
        "[...document.querySelectorAll('main *')].filter(part => !part.closest('.scroll')).map(part => "
        "part.getBoundingClientRect().right)"
    )
    assert max(page.evaluate(ends)) <= PHONE[0] + 0.5


def test_the_first_column_stays_when_a_table_is_scrolled(show: Open) -> None:
    page = show(size=PHONE)
    unfold(page)
    scroll = page.locator("#lean .scroll")
    head = scroll.locator("tbody th").first
    before = head.bounding_box()["x"]
    scroll.evaluate("part => { part.scrollLeft = 150; }")
    assert scroll.evaluate("part => part.scrollLeft") == 150
    assert head.bounding_box()["x"] == before


@pytest.mark.parametrize("name", REPORTS)
def test_without_scripts_everything_can_be_read(show: Open, name: str) -> None:
    page = show(name, scripts=False)
    assert not page.locator(".tools").is_visible()
    assert page.locator("figure svg[role=img][aria-label]").count() > 1
    assert page.locator("svg .mark title").count() > 8
    table = page.locator("details.table").first
    table.locator("summary").click()
    assert table.locator("td").first.is_visible()
    if name == "one":
        page.locator("#lean tbody a", has_text="Arabic").click()
        assert page.locator("details.drill[data-language=ar] article").first.is_visible()


def test_on_paper_nothing_is_folded_or_dark(show: Open) -> None:
    page = show(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".side").is_visible()
    assert page.locator("#lean td").first.bounding_box()["height"] > 0
    assert page.locator("article").first.bounding_box()["height"] > 0


@pytest.mark.parametrize(
    ("name", "scheme", "size"),
    [
        *((name, scheme, DESKTOP) for name in REPORTS for scheme in ("light", "dark")),
        ("one", "light", PHONE),
        ("leaderboard", "light", DESKTOP),
    ],
)
def test_rules_of_access_hold(show: Open, name: str, scheme: str, size: tuple[int, int]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = show(name, size=size, scheme=scheme)
    # One of each kind: the rules take minutes for ten thousand cells.
    for kind in ("#verdict details", "section > details.table", "details.drill", "#settings details", ".filter"):
        page.evaluate("kind => { const part = document.querySelector(kind); if (part) part.open = true; }", kind)
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]][:3]) for rule in found] == []


def test_another_script_does_not_run(browser: Any, files: dict[str, Path], tmp_path: Path) -> None:
    text = files["one"].read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("<main", "<script>document.title = 'taken'</script><main", 1), encoding="utf-8")
    page = browser.new_page()
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(changed.as_uri())
    title, tools = page.title(), page.locator(".theme").is_visible()
    page.close()
    assert title.startswith("How far it leans")
    assert tools
    assert len(refusals) == 1
    assert "Content Security Policy" in refusals[0]
