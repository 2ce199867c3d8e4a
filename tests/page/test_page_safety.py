"""The page as a document: inert data, nothing from outside, all within reach of keys and ears."""

import page_models as models
import pytest

pytestmark = pytest.mark.page


def test_texts_of_a_program_are_never_markup(open_page):
    evil = "</title></script><script>window.hacked=1</script>@DATA@@TITLE@"
    page = open_page(models.hostile(), title=evil)
    for key in (*"1234567", "]", "]", "w", "g", "Escape", "e"):
        page.press(key)
    page.press("Escape")
    page.click_box('✂ </script><img src=x onerror="…')
    page.search("<img src=x onerror=alert(1)>")
    page.press("Enter")
    assert page.js("window.hacked") is None
    assert page.js("document.querySelectorAll('img, b img, #info b, [onerror]').length") == 0
    assert page.text("h1") == evil
    assert page.js("document.title") == evil
    assert page.js("document.scripts.length") == 4  # data, code, loader, and the code unpacked


def test_exports_of_hostile_texts_are_well_formed(open_page):
    import xml.etree.ElementTree as tree

    page = open_page(models.hostile())
    for kind in ("SVG", "DOT", "Mermaid"):
        page.press("e")
        with page.page.expect_download() as download:
            page.page.click(f"#kinds button:text-is('{kind}')")
        with open(download.value.path()) as file:
            text = file.read()
        if kind == "SVG":
            root = tree.fromstring(text)
            names = {element.tag.split("}")[1] for element in root.iter()}
            assert names == {"svg", "title", "rect", "path", "text"}
            assert root.get("role") == "img" and root[0].text == "test"
        elif kind == "DOT":
            assert all(line.count('"') % 2 == line.count('\\"') % 2 for line in text.splitlines())
        else:
            assert "<" not in text


def test_the_policy_lets_nothing_else_run_or_load(open_page):
    page = open_page(models.regression())
    assert page.requests == [f"file://{page.file}"]
    page.js(
        """() => {
          const s = document.createElement('script'), i = document.createElement('img');
          s.textContent = 'window.foreign = 1';
          i.src = 'https://example.invalid/x.png';
          document.body.append(s, i);
        }"""
    )
    page.settle()
    assert page.js("window.foreign") is None
    blocked = [text for text in page.errors if "Content Security Policy" in text]
    assert len(blocked) == 2
    page.errors.clear()
    page.requests[:] = [url for url in page.requests if "example.invalid" not in url]


def test_the_page_works_in_a_sandboxed_frame(open_page, windows, tmp_path):
    """As Jupyter shows it: an iframe with srcdoc that may run scripts and nothing else."""
    import html

    from rushlight.viz import _page

    text = _page.page(models.regression())
    host = tmp_path / "host.html"
    host.write_text(
        '<iframe sandbox="allow-scripts" width=1200 height=700 '
        f'srcdoc="{html.escape(text)}"></iframe>'
    )
    page = windows((1400, 900), "light", 0, {})
    page.goto(f"file://{host}")
    frame = page.frame_locator("iframe")
    frame.locator("body[data-ready]").wait_for()
    assert "7 nodes, 6 edges: 7 boxes drawn" in frame.locator("#figures").inner_text()
    page.goto("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["cards", "groups", "cuts", "training"])
def test_axe_finds_no_fault(open_page, scheme, which):
    from axe_playwright_python.sync_playwright import Axe

    model = {
        "cards": models.regression, "groups": models.with_modules, "cuts": models.with_cuts,
        "training": lambda: models.regression(training=True),
    }[which]()  # fmt: skip
    page = open_page(model, scheme=scheme)
    page.press("]", "]")
    page.search("line:3")
    if which == "cards":
        page.press("?")
    elif which == "groups":
        page.press("e")
    found = Axe().run(page.page).response["violations"]
    assert [(v["id"], [n["html"][:80] for n in v["nodes"]][:3]) for v in found] == []


def test_every_control_is_reached_by_tab_and_has_a_name(open_page):
    page = open_page(models.regression())
    seen = []
    page.js("document.body.focus()")
    for _ in range(60):
        page.page.keyboard.press("Tab")
        name = page.js("(e => e.id || e.className || e.tagName)(document.activeElement)")
        if seen and name == seen[0]:
            break
        seen.append(name)
    for wanted in (
        "mode",
        "by",
        "names",
        "cards",
        "cuts",
        "search",
        "back",
        "next",
        "worst",
        "bad",
        "whynone",
        "fit",
        "save",
        "dark",
        "keys",
        "source",
        "canvas",
        "info",
        "strip",
    ):
        assert wanted in seen, wanted


def test_what_is_selected_and_stepped_is_announced(open_page):
    page = open_page(models.regression())
    live = page.js(
        """(e => [e.getAttribute('role'), e.getAttribute('aria-live')])(
          document.getElementById('live'))"""
    )
    assert live == ["status", "polite"]
    page.click_box("yhat")
    assert page.live == "yhat, AddBackward0, line 11, shape 80 by 1, gradient norm 0.3797"
    page.press("]")
    assert "MeanBackward0 (loss)" in page.live
    assert "MeanBackward0 (loss)" in page.js(
        "document.getElementById('strip').getAttribute('aria-valuetext')"
    )


def test_forced_colours_and_large_text_keep_everything_usable(open_page):
    page = open_page(models.regression(), forced_colors="active")
    theme = page.js("rushlight.app.theme")
    assert all(len(colour) == 7 for colour in theme.values())
    assert theme["ground"] != theme["ink"] == theme["edge"]
    page.click_box("yhat")
    assert page.selected() == "n3"
    small = open_page(models.regression(), size=(700, 450))  # as 1400 x 900 at 200 %
    wide = small.js("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    for selector in ("#source", "#outline", "#canvas", "#info", "#strip", "#search"):
        box = small.page.locator(selector).bounding_box()
        assert box["width"] > 60 and box["height"] > 15, selector
