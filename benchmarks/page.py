"""The page of a graph in a headless Chromium: opening 89,000 nodes, and redrawing while one moves.

Needs playwright in the environment and Chromium on the path, or its path in CHROMIUM; without them
the rows say so. What is drawn is a recurrent network of 10 operations a turn.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import _harness

ROUNDS = 7
FRAMES = 90
READY = "body[data-ready]"

# Wheel events as a hand makes them; the time between frames is what one sees.
MOVE = """
frames => new Promise(done => {
  const canvas = document.getElementById('canvas'), box = canvas.getBoundingClientRect();
  const times = [];
  let k = 0, last = performance.now();
  const frame = now => {
    if (k) times.push((now - last) / 1000);
    last = now;
    if (k++ >= frames) return done(times);
    canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: Math.sin(k / 9) * 60,
      clientX: box.left + 300, clientY: box.top + 300, cancelable: true}));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})
"""
OPEN_MANY = """
() => {
  const rows = () => [...document.querySelectorAll('#outline [aria-expanded=false] .twist')];
  for (const row of rows().slice(0, 12)) row.click();
}
"""


def rows(modules):
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        yield _harness.Row("page", None, note="not measured: needs playwright and chromium")
        return
    sys.path.append(str(_harness.ROOT / "tests" / "page"))
    import page_models as models

    from rushlight.viz import _page

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1400, "height": 900})

        def show(name, turns):
            file = Path(folder) / f"{name}.html"
            file.write_text(_page.page(models.rnn(turns)), encoding="utf-8")
            window.goto(f"file://{file}")
            window.wait_for_selector(READY)
            return file

        def moving(note):
            taken = window.evaluate(MOVE, FRAMES)
            boxes = window.evaluate("rushlight.boxes().length")
            return _harness.Row(
                "page: redraw",
                _harness.Spread.of(taken),
                budget=1 / 30,
                note=f"{note}, {boxes:,} boxes",
            )

        file = show("large", 8900)
        taken = []
        for _ in range(ROUNDS):
            window.goto(f"file://{file}")
            window.wait_for_selector(READY)
            taken.append(window.evaluate("rushlight.app.perf.open") / 1000)
        size = file.stat().st_size
        yield _harness.Row(
            "page: open",
            _harness.Spread.of(taken),
            budget=1.0,
            note=f"89,003 nodes, {size / 1e6:.1f} MB",
        )
        yield moving("89,003 nodes")
        window.evaluate(OPEN_MANY)
        yield moving("89,003 nodes, 12 groups open")
        show("flat", 1000)
        window.select_option("#by", "none")
        yield moving("10,003 nodes without groups")
        browser.close()
