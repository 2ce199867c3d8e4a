"""The built-in layout: what must hold for every graph, on many of them."""

import random
import subprocess
import sys
from array import array

import pytest
from support import rushlight_only

from rushlight import _C
from rushlight.viz._layout import ANYWHERE, FIRST, LAST, place

pytestmark = rushlight_only


def random_graph(seed):
    """Sizes, edges and docks: trees, chains, cycles, parallel edges, boxes without any edge."""
    rng = random.Random(seed)
    n = rng.choice([1, 2, 5, 12, 30, 60])
    sizes = [(rng.randrange(4, 200), rng.randrange(2, 120)) for _ in range(n)]
    docks = [rng.choice([0, 0, 40, 90]) for _ in range(n)]
    near = rng.choice([2, 6, n])
    edges = []
    for i in range(1, n):
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            edges.append((rng.randrange(max(0, i - near), i), i))
    if rng.random() < 0.3:
        edges += [(rng.randrange(n), rng.randrange(n)) for _ in range(n // 3)]
    if rng.random() < 0.3:
        edges += rng.sample(edges, len(edges) // 4)
    rng.shuffle(edges)
    return sizes, edges, docks


def unrolled(steps):
    """A recurrent network whose weights are boxes, not chips: three boxes with many edges."""
    edges, n, hidden, loss = [], 3, None, None
    for _ in range(steps):
        t_x, x, t_h, h, total, biased, tanh, square, mean, sum_ = range(n, n + 10)
        edges += [(0, t_x), (t_x, x), (1, t_h), (t_h, h), (x, total), (h, total)]
        edges += [(total, biased), (2, biased), (biased, tanh), (tanh, square), (square, mean)]
        edges += [(mean, sum_)]
        edges += [(hidden, h)] if hidden else []
        edges += [(loss, sum_)] if loss else []
        hidden, loss, n = tanh, sum_, n + 10
    return [(110, 30)] * n, edges, [0] * n


def residual(blocks):
    """Chains with a short way round each block."""
    edges = []
    for i in range(0, 4 * blocks, 4):
        edges += [(i, i + 1), (i + 1, i + 2), (i + 2, i + 3), (i + 3, i + 4), (i, i + 4)]
    return [(120, 30)] * (4 * blocks + 1), edges, [60] * (4 * blocks + 1)


GRAPHS = {
    **{f"random-{seed}": random_graph(seed) for seed in range(150)},
    "unrolled-6": unrolled(6),
    "unrolled-40": unrolled(40),
    "residual": residual(12),
    "one user": ([(90, 30)] * 201, [(i, 200) for i in range(200)], [0] * 201),
    "one source": ([(90, 30)] * 201, [(0, i) for i in range(1, 201)], [0] * 201),
    "long edges": ([(90, 30)] * 90, [*zip(range(89), range(1, 90)), (0, 89), (3, 80)], [20] * 90),
    "ring": ([(50, 20)] * 7, [(i, (i + 1) % 7) for i in range(7)], [0] * 7),
    "no edges": ([(50, 20)] * 40, [], [10] * 40),
    "points": ([(0, 0)] * 6, [(0, 1), (1, 2), (0, 2), (3, 4)], [0] * 6),
}


@pytest.fixture(params=GRAPHS, name="laid")
def laid_graph(request):
    sizes, edges, docks = GRAPHS[request.param]
    return sizes, edges, docks, place(sizes, edges, docks)


def rectangles(sizes, docks, placed):
    """(left, top, right, bottom) of each box with what is docked to it."""
    found = []
    for i, ((w, h), dock) in enumerate(zip(sizes, docks)):
        x, y = placed.middle(i)
        found.append((x - w / 2 - dock, y - h / 2, x + w / 2, y + h / 2))
    return found


def samples(way, steps=12):
    """Points along a curve."""
    points = [(way[i], way[i + 1]) for i in range(0, len(way), 2)]
    for at in range(1, len(points), 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[at - 1 : at + 3]
        for k in range(steps + 1):
            t = k / steps
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            yield a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def reaches(edges, n):
    """Whether a cycle is among the edges."""
    users = {i: [] for i in range(n)}
    for a, b in edges:
        users[a].append(b)
    done, found = {}, []
    for start in range(n):
        stack = [(start, iter(users[start]))] if start not in done else []
        done.setdefault(start, False)
        while stack:
            node, rest = stack[-1]
            for user in rest:
                if user not in done:
                    done[user] = False
                    stack.append((user, iter(users[user])))
                    break
                if done[user] is False and user != node:
                    found.append((node, user))
            else:
                done[node] = True
                stack.pop()
    return bool(found)


def test_boxes_and_their_chips_do_not_overlap(laid):
    sizes, _, docks, placed = laid
    boxes = sorted(rectangles(sizes, docks, placed), key=lambda box: box[1])
    for i, (left, _, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if other[1] >= bottom:
                break
            assert other[2] <= left or right <= other[0]


def test_everything_lies_inside_the_picture(laid):
    sizes, edges, docks, placed = laid
    corners = [
        (x, y) for a, b, c, d in rectangles(sizes, docks, placed) for x, y in ((a, b), (c, d))
    ]
    for i in range(len(edges)):
        corners += samples(placed.way(i))
    for x, y in corners:
        assert -1e-6 <= x <= placed.width + 1e-6
        assert -1e-6 <= y <= placed.height + 1e-6


def test_edges_end_on_the_borders_of_their_boxes(laid):
    sizes, edges, _, placed = laid
    for i, (source, target) in enumerate(edges):
        way = placed.way(i)
        if source == target:
            assert len(way) == 0
            continue
        for box, x, y in ((source, *way[:2]), (target, *way[-2:])):
            (w, h), (mx, my) = sizes[box], placed.middle(box)
            assert abs(x - mx) <= w / 2 + 0.5
            assert y in (my - h / 2, my + h / 2)


def test_edges_cross_no_box(laid):
    sizes, edges, docks, placed = laid
    boxes = rectangles(sizes, docks, placed)
    for i in range(len(edges)):
        for x, y in samples(placed.way(i)):
            for left, top, right, bottom in boxes:
                inside = left + 1e-6 < x < right - 1e-6 and top + 1e-6 < y < bottom - 1e-6
                assert not inside


def test_edges_lead_down_where_the_graph_has_no_cycle(laid):
    sizes, edges, _, placed = laid
    if reaches(edges, len(sizes)):
        return
    for source, target in edges:
        if source != target:
            assert placed.middle(source)[1] < placed.middle(target)[1]


def longest_path(edges, n):
    """The number of edges of the longest path of a graph without cycles."""
    length = [0] * n
    for _ in range(n):
        changed = False
        for a, b in edges:
            if a != b and length[b] < length[a] + 1:
                length[b] = length[a] + 1
                changed = True
        if not changed:
            return max(length)
    return None


def test_the_longest_path_runs_straight_down(laid):
    sizes, edges, _, placed = laid
    main = [i for i, flag in enumerate(placed.main) if flag]
    for i in main:
        way = placed.way(i)
        assert len(set(way[::2])) == 1
        assert placed.middle(edges[i][0])[0] == placed.middle(edges[i][1])[0] == way[0]
    longest = longest_path(edges, len(sizes))
    if longest:
        at = {edges[i][0]: i for i in main}
        starts = at.keys() - {edges[i][1] for i in main}
        lengths = []
        for start in starts:
            length, box = 0, start
            while box in at:
                box, length = edges[at[box]][1], length + 1
            lengths.append(length)
        assert max(lengths) == longest


def digest(name):
    """All numbers of a picture, as text."""
    sizes, edges, docks = GRAPHS[name]
    placed = place(sizes, edges, docks)
    ways = b"".join(placed.way(i).tobytes() for i in range(len(edges)))
    return placed.middles.tobytes().hex() + ways.hex()


def test_a_picture_is_the_same_each_time_and_in_another_process():
    first = digest("random-7")
    assert digest("random-7") == first
    paths = [__file__.rpartition("/")[0], *filter(None, sys.path)]
    code = f"import sys; sys.path[:0] = {paths!r}; import test_layout as t; "
    code += "print(t.digest('random-7'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == first


def test_boxes_of_the_first_and_last_rank_stand_at_the_borders():
    # 0 and 1 lead in, 5 leads out; 2 has nothing above it, 4 nothing below.
    edges = [(0, 3), (1, 4), (2, 3), (3, 5)]
    places = [FIRST, FIRST, ANYWHERE, ANYWHERE, ANYWHERE, LAST]
    sizes = [(8, 0), (8, 0), (60, 20), (60, 20), (60, 20), (8, 0)]
    placed = place(sizes, edges, places=places)
    tops = [placed.middle(i)[1] - sizes[i][1] / 2 for i in range(6)]
    assert tops[0] == tops[1] == 0
    assert min(tops[2:5]) > 0
    assert tops[5] == placed.height
    assert max(tops[2:5]) + 20 < placed.height


def test_an_edge_ends_at_the_port_that_is_asked_for():
    placed = place([(100, 20)] * 3, [(0, 2), (1, 2)], ports=[(30.0, -40.0), (None, None)])
    way = placed.way(0)
    assert way[0] == placed.middle(0)[0] + 30
    assert way[-2] == placed.middle(2)[0] - 40
    # The longest path is still straight: its boxes stand aside for it.
    assert placed.main[0] and len(set(way[::2])) == 1


def test_many_long_edges_of_one_box_share_a_lane():
    steps = 40
    _, edges, _ = unrolled(steps)
    placed = place([(110, 30)] * (10 * steps + 3), edges)
    lanes = set()
    for i, (source, _) in enumerate(edges):
        way = placed.way(i)
        straight = [
            way[k]
            for k in range(0, len(way) - 2, 6)
            if way[k] == way[k + 6] and way[k + 7] > way[k + 1] + 900
        ]
        if source < 3:
            lanes.update(straight)
    assert 3 <= len(lanes) <= 6


def test_sources_of_one_box_do_not_stand_in_one_row():
    placed = place([(100, 30)] * 101, [(i, 100) for i in range(100)])
    assert placed.width < 3000
    assert len({placed.middle(i)[1] for i in range(100)}) > 3


@pytest.mark.parametrize("shape", ["wide", "fan", "chain", "grid", "dense"])
def test_large_graphs_do_not_die(shape):
    n = 10_000
    edges = {
        "wide": lambda: [(i, n - 1) for i in range(n - 1)],
        "fan": lambda: [(0, i) for i in range(1, n)] + [(i, n - 1) for i in range(1, n - 1)],
        "chain": lambda: [(i, i + 1) for i in range(n - 1)] + [(0, i) for i in range(1, n)],
        "grid": lambda: [
            (i, j) for i in range(n) for j in (i + 1, i + 100) if j < n and (j % 100 or j != i + 1)
        ],
        "dense": lambda: [(i % 150, 150 + j) for j in range(100) for i in range(150)],
    }[shape]()
    placed = place([(110, 30)] * n, edges)
    assert len(placed.middles) == 2 * n
    assert all(0 <= x <= placed.width for x in placed.middles[::2])


def call(**changes):
    arguments = {
        "width": array("d", [10, 10]),
        "height": array("d", [10, 10]),
        "dock": array("d", [0, 0]),
        "source": array("I", [0]),
        "target": array("I", [1]),
        "place": None,
        "source_port": None,
        "target_port": None,
        "between": 24.0,
        "ranks": 34.0,
    }
    return _C._layered_layout(*(arguments | changes).values())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"width": [1.0, 2.0]}, TypeError, "width must be a buffer of format 'd', not list"),
        ({"width": array("f", [1, 2])}, TypeError, "width must be a flat buffer of format 'd'"),
        ({"source": array("i", [0])}, TypeError, "source must be a flat buffer of format 'I'"),
        ({"width": memoryview(bytes(32)).cast("d", (2, 2))}, TypeError, "flat buffer"),
        ({"dock": None}, TypeError, "dock must be a buffer"),
        ({"height": array("d", [1])}, ValueError, "height has 1 entries, not 2"),
        ({"target": array("I", [])}, ValueError, "target has 0 entries, not 1"),
        ({"place": b"\0"}, ValueError, "place has 1 entries, not 2"),
        ({"place": b"\0\7"}, ValueError, "place must be 0, 1"),
        ({"place": b"\1\1"}, ValueError, "arrow 0 leads from one box of the first rank"),
        ({"place": b"\2\2"}, ValueError, "arrow 0 leads from one box of the last rank"),
        ({"target": array("I", [2])}, IndexError, "an arrow ends at box 2 of 2"),
        ({"width": array("d", [1, float("nan")])}, ValueError, "a box must measure between 0"),
        ({"height": array("d", [1, -1])}, ValueError, "a box must measure between 0"),
        ({"dock": array("d", [float("inf"), 0])}, ValueError, "a box must measure between 0"),
        ({"source_port": array("d", [float("inf")])}, ValueError, "a port at infinity"),
        ({"between": float("nan")}, ValueError, "the distance of boxes must lie between"),
        ({"ranks": -1}, ValueError, "the distance of ranks must lie between"),
        ({"ranks": "wide"}, TypeError, "must be real number, not str"),
    ],
)
def test_wrong_arguments_are_told(changes, error, words):
    with pytest.raises(error, match=words):
        call(**changes)


def test_a_wrong_number_of_arguments_is_told():
    with pytest.raises(TypeError, match="takes 10 arguments"):
        _C._layered_layout(1, 2)


def test_an_empty_graph_is_an_empty_picture():
    placed = place([], [])
    assert (placed.width, placed.height, len(placed.middles)) == (0, 0, 0)


def test_boxes_without_a_distance_between_them_do_not_overlap():
    # Each middle was rounded to quarters, by up to an eighth towards the next.
    widths = [10.13, 7.39, 12.61, 9.87, 11.11, 8.43]
    edges = [(i, 6) for i in range(6)]
    placed = place([(w, 10) for w in widths] + [(10, 10)], edges, between_boxes=0.0)
    row = sorted((placed.middle(i)[0], w) for i, w in enumerate(widths))
    for (x, w), (next_x, next_w) in zip(row, row[1:]):
        assert x + w / 2 <= next_x - next_w / 2


def test_a_port_outside_its_box_is_drawn_inside():
    far = array("d", [1e9])
    middles, _, points, *_ = call(source_port=far)
    x = memoryview(middles).cast("d")[0]
    assert memoryview(points).cast("d")[0] == x + 5
