"""A headless Chromium for the tests of the page, and what each test may ask of an open page."""

import contextlib
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import page_models

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
READY = "body[data-ready]"
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Not Playwright's wait_for_function: it evaluates a string anew at each look, which the page's
# content security policy forbids from the second look on.
UNTIL = """() => new Promise((done, fail) => {{
  const end = performance.now() + 20000;
  const look = () => {{
    if ({condition}) done();
    else if (performance.now() > end) fail(new Error(`never came true: {condition}`));
    else requestAnimationFrame(look);
  }};
  look();
}})"""


def find_chromium():
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.exit(
            "the tests of the page need Chromium and a font of fixed width: install them (Debian: "
            "`apt-get install chromium fonts-dejavu-core`), or give the path in CHROMIUM",
            returncode=1,
        )
    return found


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    with sync_playwright() as playwright:
        # Fonts are hinted and colours made the same way on each machine.
        launched = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--font-render-hinting=none", "--force-color-profile=srgb"],
        )
        yield launched
        launched.close()


class Driver:
    """An open page: keys and clicks on the one hand, boxes, pixels and texts on the other."""

    def __init__(self, page, file):
        self.page, self.file = page, file
        self.errors, self.requests = [], []
        self.listeners = {
            "console": self.hear,
            "pageerror": lambda error: self.errors.append(str(error)),
            "request": lambda request: self.requests.append(request.url),
        }
        for event, listener in self.listeners.items():
            page.on(event, listener)
        page.goto(f"file://{file}")
        page.wait_for_selector(READY)
        self.settle()

    def hear(self, message):
        # The tests read pixels back, which the browser advises against; the page does not.
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.errors.append(message.text)

    def close(self):
        for event, listener in self.listeners.items():
            self.page.remove_listener(event, listener)

    def settle(self):
        self.page.evaluate(TWO_FRAMES)

    def until(self, condition):
        """Waits for a JavaScript expression to become true, looking at each frame."""
        self.page.evaluate(UNTIL.format(condition=condition))

    def js(self, code):
        return self.page.evaluate(code)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def click(self, selector, **options):
        self.page.click(selector, **options)
        self.settle()

    def choose(self, selector, value):
        self.page.select_option(selector, value)
        self.settle()

    def search(self, query):
        self.page.fill("#search", query)
        self.settle()

    def state(self, name):
        return self.js(f"rushlight.app.state.{name}")

    def text(self, selector):
        return self.page.inner_text(selector)

    @property
    def live(self):
        """What a screen reader was told last."""
        return self.js("document.getElementById('live').textContent")

    def boxes(self):
        return self.js("rushlight.boxes()")

    def closed(self):
        """Boxes that are no frames, by label."""
        return {box["label"]: box for box in self.boxes() if not box["frame"]}

    def box(self, label):
        """The box of that label; raises KeyError where there is none."""
        return {box["label"]: box for box in self.boxes()}[label]

    def at(self, box, dx=0.5, dy=0.5):
        return box["x"] + box["w"] * dx, box["y"] + box["h"] * dy

    def reach(self, label):
        """The box of that label, after Shift and arrows moved the drawing until it is seen."""
        self.js(
            f"""(() => {{
              const pane = document.getElementById('canvas').getBoundingClientRect();
              for (let k = 0; k < 200; k++) {{
                const box = rushlight.boxes().find(box => box.label === {label!r});
                const key = box && box.y < pane.top ? 'ArrowUp'
                  : box && box.y + Math.min(box.h, 60) > pane.bottom - 40 ? 'ArrowDown' : '';
                if (!key) return;
                document.dispatchEvent(new KeyboardEvent('keydown', {{key, shiftKey: true}}));
              }}
            }})()"""
        )
        self.settle()
        return self.box(label)

    def click_box(self, label, modifiers=(), double=False):
        x, y = self.at(self.reach(label))
        for key in modifiers:
            self.page.keyboard.down(key)
        (self.page.mouse.dblclick if double else self.page.mouse.click)(x, y)
        for key in modifiers:
            self.page.keyboard.up(key)
        self.settle()

    def pixels(self, x, y, w=1, h=1):
        """[(r, g, b)] of the canvas in a part of the window, row by row."""
        data = self.js(
            f"""(() => {{
              const canvas = document.getElementById('canvas'), c = canvas.getContext('2d');
              const box = canvas.getBoundingClientRect(), k = canvas.width / box.width;
              const x = ({x} - box.left) * k, y = ({y} - box.top) * k;
              return [...c.getImageData(x, y, {w}, {h}).data];
            }})()"""
        )
        return list(zip(data[::4], data[1::4], data[2::4]))

    def pixel(self, x, y):
        return self.pixels(x, y)[0]

    def fill(self, box):
        """The colour of a box, near its upper left corner, where no text is."""
        return self.pixel(box["x"] + 4, box["y"] + 4)

    def selected(self):
        return self.state("sel")


@pytest.fixture(scope="session")
def windows(browser):
    """Windows by size and colours, which tests use one after the other: each costs 0.2 s."""
    made = {}

    def window(size, scheme, number, options):
        key = (size, scheme, number, *sorted(options.items()))
        if key not in made:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                reduced_motion="reduce",
                **options,
            )
            made[key] = context.new_page()
        return made[key]

    return window


@contextlib.contextmanager
def opener(windows, folder, scope):
    """What opens pages for tests. At the end: nothing on the console, no request but for them."""
    from rushlight.viz import _page

    opened = []

    def open_page(model, *, title="test", scheme="light", size=(1400, 900), **options):
        file = folder / f"page{len(opened)}.html"
        file.write_text(_page.page(model, title=title), encoding="utf-8")
        window = windows(size, scheme, f"{scope}{len(opened)}", options)
        driver = Driver(window, file)
        opened.append(driver)
        return driver

    yield open_page
    for driver in opened:
        driver.close()
        assert driver.errors == []
        own = (f"file://{driver.file}", "data:", "blob:")
        assert [url for url in driver.requests if not url.startswith(own)] == []


@pytest.fixture
def open_page(windows, tmp_path):
    """What opens a page: called with a model, title=, scheme=, size=; gives a Driver."""
    with opener(windows, tmp_path, "test") as open_:
        yield open_


@pytest.fixture
def rnn(open_page):
    return open_page(page_models.rnn(100))


@pytest.fixture
def line(open_page):
    return open_page(page_models.regression())


@pytest.fixture(scope="module")
def open_page_once(windows, tmp_path_factory):
    """The same, for pages that the tests of a module share."""
    with opener(windows, tmp_path_factory.mktemp("pages"), "module") as open_:
        yield open_
