"""The drawing read back: each box has its colour at its place, its own text, and its edges."""

import math

import page_models as models
import pytest

pytestmark = pytest.mark.page

# Written down here a second time, apart from the page: viridis at nine places.
VIRIDIS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129),
    (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip
MAGENTA, ORANGE = (255, 0, 255), (255, 149, 0)


def light(colour):
    """Relative luminance as WCAG defines it."""
    parts = (v / 255 for v in colour)
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def viridis(t):
    """The scale leaves out what is about as bright as where the ink turns from white to black."""
    at = min(max(t, 0.0), 1.0) * 8
    k = min(7, int(at))
    colour = [a + (b - a) * (at - k) for a, b in zip(VIRIDIS[k], VIRIDIS[k + 1])]
    if 0.14 <= (bright := light(colour)) <= 0.23:
        colour = [v * ((0.23 if bright > 0.179 else 0.14) / bright) ** 0.45 for v in colour]
    return tuple(map(round, colour))


def close(one, other, most=3):
    """Whether two colours are the same but for rounding."""
    return all(abs(a - b) <= most for a, b in zip(one, other))


def norms(page):
    return page.js("Array.from(rushlight.app.M.norm)")


# The text is drawn once more on an empty canvas, with the same font and zoom: the ink is compared.
LIKENESS = """
([labels, centre, box, zoom]) => labels.map(label => {
  const canvas = document.getElementById('canvas'), place = canvas.getBoundingClientRect();
  const k = canvas.width / place.width;
  const left = (box.x - place.left) * k, top = (box.y - place.top) * k;
  const x = Math.round(left), y = Math.round(top);
  const w = Math.round(box.w * k), h = Math.round(Math.min(box.h, 60 * zoom) * k);
  const seen = canvas.getContext('2d').getImageData(x, y, w, h).data;
  const ground = [seen[4 * (6 * w + 6)], seen[4 * (6 * w + 6) + 1], seen[4 * (6 * w + 6) + 2]];
  const made = document.createElement('canvas'); made.width = w; made.height = h;
  const c = made.getContext('2d', {willReadFrequently: true});
  c.setTransform(k * zoom, 0, 0, k * zoom, left - x, top - y);
  c.font = '600 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
  c.textAlign = 'center';
  c.fillText(label, box.w / zoom / 2, centre);
  const ink = c.getImageData(0, 0, w, h).data;
  let both = 0, either = 0;
  const off = p => [0, 1, 2].reduce((sum, c) => sum + Math.abs(seen[4 * p + c] - ground[c]), 0);
  const first = Math.floor((centre - 10) * k * zoom), last = Math.ceil((centre + 3) * k * zoom);
  let most = 1;
  for (let p = first * w; p < last * w; p++) {
    if (p % w > 6 && p % w < w - 6) most = Math.max(most, off(p));
  }
  for (let p = first * w; p < last * w; p++) {
    if (p % w < 6 || p % w > w - 6) continue;
    const want = ink[4 * p + 3] > 128, found = most > 60 && off(p) > most / 2;
    both += want && found ? 1 : 0;
    either += want || found ? 1 : 0;
  }
  return either ? both / either : 0;
})
"""


def likeness(page, labels, box):
    """How far each label's ink and that of a box are the same: their common part, 0 to 1."""
    zoom = page.js("rushlight.app.view.z")
    height = box["h"] / zoom
    return page.page.evaluate(LIKENESS, [labels, height / 2 - 4, box, zoom])


@pytest.fixture
def chain(open_page):
    """Ten operations as boxes, each with a gradient of its own size and a name of its own."""
    names = [
        "alpha",
        "betas",
        "gamma",
        "delta",
        "epsil",
        "zetas",
        "thetx",
        "iotas",
        "kappa",
        "lambd",
    ]
    m = models.Model("/home/you/chain.py", "")
    at = m.leaf("w")
    for k, name in enumerate(names):
        at = m.node(
            f"Op{k}Backward0", models.NONE, at, name=name, flags=models.ROOT if k == 9 else 0
        )
    m.backward()
    for i in range(11):
        m.norm(i, 10.0 ** (i % 7 - 3 + i / 20))
    page = open_page(m.build())
    page.click("#cards")
    return page, names


def test_each_box_has_the_colour_of_its_own_gradient(chain):
    page, names = chain
    size = norms(page)
    low, high = min(size), max(size)
    boxes = page.closed()
    colours = {}
    for name in names:
        i = boxes[name]["id"]
        colours[name] = viridis(math.log(size[i] / low) / math.log(high / low))
        assert close(page.fill(boxes[name]), colours[name]), name
    assert len(set(colours.values())) == 10  # so two boxes in each other's place are seen


def test_each_box_has_its_own_text_and_not_another_ones(chain):
    page, names = chain
    boxes = page.closed()
    for name in names:
        found = dict(zip(names, likeness(page, names, boxes[name])))
        own = found.pop(name)
        assert own > 0.75, name
        assert max(found.values()) < own - 0.1, (name, own, found)


def test_a_blank_canvas_would_be_seen(chain):
    page, names = chain
    box = page.closed()[names[0]]
    before = page.fill(box)
    page.js("(() => { const c = document.getElementById('canvas'); c.width = c.width })()")
    assert page.fill(box) != before
    assert likeness(page, names[:1], box) == [0]


def test_edges_join_their_boxes_and_nothing_is_drawn_between_others(chain):
    page, names = chain
    boxes = page.closed()
    ground = (255, 255, 255)
    for one, other in zip(names, names[1:]):
        a, b = boxes[one], boxes[other]
        x = a["x"] + a["w"] / 2
        middle = (a["y"] + a["h"] + b["y"]) / 2
        assert page.pixel(x, middle) != ground
        assert page.pixel(x - 14, middle) == ground
        assert page.pixel(x + 14, middle) == ground
    last = boxes[names[-1]]
    assert page.pixel(last["x"] + last["w"] / 2, last["y"] + last["h"] + 12) == ground


def test_chips_are_drawn_beside_their_box(chain):
    page, names = chain
    chip = page.closed()[names[0]]["chips"][0]
    assert chip["text"] == "w"
    assert close(page.pixel(chip["x"] + 3, chip["y"] + chip["h"] / 2), (169, 214, 238))


def test_groups_have_the_colour_of_the_largest_gradient_of_their_activations(open_page):
    page = open_page(models.rnn(1000))
    size = norms(page)
    low, high = min(size), max(size)
    ops = page.js("Array.from(rushlight.app.M.nodes.op, i => rushlight.app.M.strs[i])")
    for box in page.boxes()[:8]:
        ids = page.js(
            f"""(g => Array.from(rushlight.app.M.perm.slice(g.start, g.end)))(
              rushlight.app.scene.byKey.get({box["key"]!r}).group)"""
        )
        want = viridis(
            math.log(max(size[i] for i in ids if ops[i] != "TBackward0") / low)
            / math.log(high / low)
        )
        assert close(page.fill(page.reach(box["label"])), want), box["label"]


def test_a_loss_that_is_added_up_does_not_hide_gradients_that_vanish(open_page):
    page = open_page(models.rnn(100, growth=0.97))
    texts = page.js(
        """rushlight.app.scene.items.filter(i => i.group.figures).map(
          i => [...i.group.figures.values()].map(f => f.value)[0])"""
    )
    assert len(texts) > 8 and texts == sorted(texts)
    assert texts[0] == pytest.approx(0.97**95)  # where the loss has 1


def test_nan_has_a_colour_and_a_hatch_of_its_own(open_page):
    page = open_page(models.with_nan())
    page.click("#cards")
    for label, colour in (("y", MAGENTA), ("z", MAGENTA), ("u", ORANGE), ("loss", ORANGE)):
        box = page.closed()[label]
        strip = page.pixels(box["x"] + 4, box["y"] + box["h"] - 4, 36)
        assert any(close(pixel, colour, 6) for pixel in strip), label
        assert len({pixel for pixel in strip}) > 3, label  # the hatch


def test_text_on_every_colour_stands_out(open_page):
    """The ink the page picks has a contrast of 4.5 to 1 or more on any fill it can make."""
    page = open_page(models.regression(training=True))

    def light(colour):
        parts = [v / 255 for v in colour]
        parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for key in "123456":
        page.press(key)
        heads = page.js(
            """rushlight.boxes().map(box => {
              const canvas = document.getElementById('canvas'), z = rushlight.app.view.z;
              const place = canvas.getBoundingClientRect(), seen = {};
              const {data} = canvas.getContext('2d').getImageData(box.x - place.left + 4,
                box.y - place.top + 4, 60 * z, 16 * z);
              for (let p = 0; p < data.length; p += 4) seen[data.slice(p, p + 3)] = 1;
              const colours = Object.keys(seen).map(s => s.split(',').map(Number));
              return [box.label, [...data.slice(0, 3)], colours];
            })"""
        )
        assert len(heads) == 7
        for label, ground, around in heads:
            lights, base = [light(pixel) for pixel in around], light(ground)
            best = max((max(v, base) + 0.05) / (min(v, base) + 0.05) for v in lights)
            assert best >= 4.5, (key, label, best)


def test_the_strip_has_its_bars_in_backward_order(open_page):
    page = open_page(models.rnn(100))
    heights = page.js(
        """(() => {
          const s = document.getElementById('strip'), c = s.getContext('2d');
          const W = s.width, H = Math.round(s.height * .68);
          const data = c.getImageData(0, 0, W, H).data, out = [];
          for (let x = 10; x < W - 10; x += Math.floor(W / 12)) {
            let most = 0;
            for (let dx = 0; dx < 16; dx++) {
              let y = 0;
              while (y < H && !data[4 * (y * W + x + dx) + 3]) y++;
              most = Math.max(most, H - y);
            }
            out.push(most);
          }
          return out;
        })()"""
    )
    assert heights == sorted(heights)
    assert heights[-1] > heights[0] + 15


def test_two_openings_draw_the_same_pixels(open_page):
    model = models.rnn(60)
    one, two = open_page(model), open_page(model)
    read = "document.getElementById('canvas').toDataURL()"
    assert one.js(read) == two.js(read)
    assert len(one.js(read)) > 10_000


def test_boxes_whose_texts_are_black_and_white_differ_in_their_colour(open_page):
    m = models.Model()
    at = m.leaf("w")
    for k in range(20):
        at = m.node(f"Op{k}Backward0", models.NONE, at, name=f"x{k}")
    m.overlays = {"steps": [0.0, *(0.34 + 0.01 * k for k in range(19)), 1.0]}
    page = open_page(m.build())
    if page.state("cards"):
        page.click("#cards")
    page.press("7")
    fills = [page.fill(page.reach(f"x{k}")) for k in range(19)]
    inks = [(1.05 / (light(fill) + 0.05), (light(fill) + 0.05) / 0.05) for fill in fills]
    assert {white > black for white, black in inks} == {True, False}
    assert (
        min(map(max, inks)) > 5.3
    )  # 4.58, and turning between equals, without a step in the scale
