"""A Graph as text, DOT, Mermaid, groups, and beside another one."""

import re
import subprocess
import sys

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
graph = torch.graph


def fit(x, w, b):
    y = w * x + b
    return (y * y).sum()


def line_fit():
    return graph(fit(torch.ones(2), leaf([1.0, 2.0]), leaf([0.5, 0.5])), params=None)


def chain(n):
    h = leaf([1.0])
    for _ in range(n):
        h = h * 2
    return graph(h)


class TestText:
    def test_the_longest_chain_stays_at_one_indentation(self):
        text = str(line_fit())
        lines = text.split("\n")
        assert [line.split()[0] for line in lines] == [
            "SumBackward0",
            "MulBackward0",
            "AddBackward0",
            "MulBackward0",
        ]
        assert "y = w * x + b" in lines[2] and "test_graph_forms.py:" in lines[2]
        assert lines[2].rstrip().endswith("(2,)  [b (2,)]")
        assert "[w (2,)]" in lines[3] and "no gradient to x: requires_grad=False" in lines[3]

    def test_branches_are_indented_and_shared_parts_are_said_once(self):
        a = leaf(2.0)
        shared = a.exp()
        text = str(graph(shared.sin().cos() + shared * 3))
        assert text.count("ExpBackward0") == 1
        assert re.search(r"^├ MulBackward0", text, re.M)
        assert re.search(r"^(│ )?\(shared, node 1, said above\)$", text, re.M)

    @pytest.mark.python_versions
    def test_an_in_place_statement_is_said_once(self):
        w, mask = leaf([1.0, 2.0]), torch.ones(2)
        loss = torch.zeros(())
        loss += w.mean()
        picked = w[mask == 1]
        made = graph(loss * picked.sum(), values=True)
        for text in (str(made), made.to_mermaid(), made.to_dot(), made.to_svg(cards=True)):
            assert "loss += w.mean()" in text and "loss = loss" not in text
            assert "picked = w" in text  # an equals sign inside is no statement

    def test_a_name_of_several_lines_stays_on_one(self):
        w = leaf([1.0])
        assert "[a b (1,)]" in str(graph(w * 2, {"a\nb": w}))

    def test_a_line_counts_what_is_too_much_for_it(self):
        leaves, plain = [leaf([1.0]) for _ in range(500)], torch.ones(1)
        line = str(graph(torch.cat([*leaves, *[plain] * 500]))).split("\n")[0]
        assert line.count(" (1,), ") == 8 and " (1,), and 492 more]" in line
        assert line.count("requires_grad=False") == 8 and line.endswith(", and 492 more")
        line = str(graph(leaf([1.0] * 9).split(1))).split("\n")[0]
        assert line.count("(1,)") == 9  # one more takes as much room as the word

    def test_it_is_bounded_and_says_so(self):
        made = chain(500)
        lines = str(made).split("\n")
        assert len(lines) == 102
        assert lines[100] == "… and 400 more operations; to_text(lines=None) shows all"
        assert lines[101].split()[:5] == ["400", "x", "h", "*", "2"]
        assert len(made.to_text(lines=None).split("\n")) == 500
        assert made.to_text(lines=3).split("\n")[3].startswith("… and 497 more")
        assert made.to_text(lines=499).split("\n")[499].startswith("… and 1 more operation;")
        for lines in ("a", -1, 2.0):
            with pytest.raises(TypeError, match="'lines' must be None or an int from 0 up, not"):
                made.to_text(lines)

    def test_very_deep_branches_are_bounded(self):
        h = leaf(1.0)
        for _ in range(40):
            h = (h.exp().exp()) + (h.sin() + h.cos())
        text = graph(h).to_text(lines=None)
        assert max(map(len, text.split("\n"))) < 400

    def test_it_ends_with_the_notes(self):
        loss = fit(torch.ones(2), leaf([1.0, 2.0]), leaf([0.5, 0.5]))
        loss.backward()
        assert "note: values and gradients inside the graph" in str(graph(loss, values=True))

    def test_freed_and_not_finite(self):
        a = leaf([0.0])
        y = a.log() * a
        made = graph(y, values=True)
        assert "value has inf" in str(made)
        y.backward()
        assert "freed at test_graph_forms.py:" in str(graph(y))

    def test_without_source_and_without_columns(self, tmp_path):
        program = tmp_path / "program.py"
        program.write_text(
            "import rushlight as torch\n"
            "w = torch.ones(2, requires_grad=True)\n"
            "y = w * 2\n"
            "print(torch.graph(y))\n"
        )
        for options in ([], ["-X", "no_debug_ranges"]):
            done = subprocess.run(
                [sys.executable, *options, program], capture_output=True, text=True, timeout=60
            )
            assert done.stdout.split("  ")[0] == "MulBackward0" and done.stderr == ""
            assert "  y = w * 2  " in done.stdout and "program.py:3" in done.stdout
        scope = {"torch": torch, "w": leaf([1.0])}
        exec("y = w * 2", scope)
        made = graph(scope["y"], params={"w": scope["w"]})
        line, note = str(made).split("\n")
        assert line.split() == ["MulBackward0", "y", "<string>:1", "(1,)", "[w", "(1,)]"]
        assert note == (
            "note: no source was found, nor its expressions, of <string>: run the program from a "
            "file"
        )
        assert 'label="y\\nMulBackward0  (1,)\\n<string>:1"' in made.to_dot()

    def test_the_same_program_gives_the_same_text(self):
        assert str(line_fit()) == str(line_fit())


class TestDot:
    def test_leaves_are_chips_on_what_uses_them(self):
        a = leaf([1.0, 2.0])
        dot = graph(a * a).to_dot()
        assert dot.startswith("digraph {") and dot.endswith("}\n")
        assert dot.count('[label="a (2,)"') == 2 and dot.count("-> n1") == 2
        assert "n0" not in dot, "the leaf itself is no box"

    def test_it_shows_source_shape_place_and_cuts(self):
        dot = line_fit().to_dot()
        assert re.search(r'label="y = w \* x \+ b\\nAddBackward0  \(2,\)\\ntest_graph_forms', dot)
        assert 'label="x: requires_grad=False"' in dot and "style=dashed" in dot

    def test_text_is_escaped(self):
        from rushlight.viz import _rich_dot

        assert _rich_dot.quoted('"\\N <b> & {x|y}') == '"\\"\\\\N <b> &amp; {x|y}"'
        assert _rich_dot.quoted("two\nlines") == '"two\\nlines"'

    def test_the_same_program_gives_the_same_bytes(self):
        assert line_fit().to_dot() == line_fit().to_dot()

    def test_a_leaf_alone_is_a_box(self):
        a = leaf([1.0])
        assert 'n0 [label="a (1,)"' in graph(a).to_dot()


class TestMermaid:
    def test_nodes_chips_and_edges(self):
        text = line_fit().to_mermaid()
        lines = text.split("\n")
        assert lines[0] == "flowchart TD"
        add = next(line for line in lines if "AddBackward0" in line)
        number = re.match(r"  (n\d+)\[", add)[1]
        assert sum(line.endswith(f"--> {number}") for line in lines) == 2
        assert any(re.fullmatch(r'  c\d+_\d\(\["w \(2,\)"\]\)', line) for line in lines)

    def test_every_label_is_one_quoted_string_without_markup(self):
        from rushlight.viz import _mermaid

        quoted = _mermaid.quoted('`a["b"]` <i> # {c}\n| & \\')
        assert re.fullmatch(r'"[^"`<>\\\[\]{}|\n]*"', quoted)
        for label in re.findall(r'[\[(]("[^"\n]*")', line_fit().to_mermaid()):
            assert not re.search(r"[`<>\[\]{}|]", label)

    def test_at_most_500_operations_and_it_says_so(self):
        text = chain(700).to_mermaid()
        assert "%% not shown: 200 operations further from the loss" in text
        assert len(re.findall(r"^  n\d+\[", text, re.M)) == 500
        assert len(re.findall(r"^  more -\.-> n\d+$", text, re.M)) == 1
        few = chain(700).to_mermaid(most=10)
        assert len(re.findall(r"^  n\d+\[", few, re.M)) == 10 and "690 operations" in few

    @pytest.mark.parametrize("most", [0, 501, -1])
    def test_other_numbers_are_refused(self, most):
        with pytest.raises(ValueError, match="must be from 1 to 500"):
            chain(3).to_mermaid(most=most)


class TestDiff:
    def test_alike(self):
        found = line_fit().diff(line_fit())
        assert not found and str(found) == "the graphs are alike: 6 nodes"

    def test_lines_that_moved_make_no_difference(self):
        def made(blank):
            scope = {"a": leaf([1.0]), "torch": torch}
            exec(compile("\n" * blank + "y = a * 2\nz = y.exp()", "moved.py", "exec"), scope)
            return graph(scope["z"])

        assert not made(0).diff(made(5))

    def test_an_operation_more(self):
        def made(more):
            y = leaf([1.0]) * 2
            if more:
                y = y.exp()
            return graph(y.sum())

        found = made(False).diff(made(True))
        assert [node.op for node in found.added] == ["ExpBackward0"] and found.removed == []
        (change,) = found.changed
        assert change.before.op == "SumBackward0"
        assert change.what == ["input 0 came from y (MulBackward0), comes from y (ExpBackward0)"]
        assert found.same == 2, "what feeds the difference, and not what it feeds, is alike"
        text = str(found)
        assert text.startswith("0 nodes removed, 1 added, 1 changed, 2 alike\n+ ExpBackward0")

    def test_other_shapes(self):
        def made(n):
            a = leaf([1.0] * n)
            return graph(a * 2)

        found = made(2).diff(made(3))
        assert [change.what[0] for change in found.changed] == ["shape was (2,), is (3,)"] * 2

    def test_other_numbers(self):
        def made(power):
            return graph(leaf([2.0]) ** power)

        (change,) = made(2).diff(made(3)).changed
        assert change.what == ["attr was exponent=2, is exponent=3"]

    def test_swapped_inputs(self):
        def made(x, y):
            a, b = leaf(1.0), leaf(2.0)
            names = {"a": a, "b": b}
            return graph(names[x].div(names[y]), params=names)

        (change,) = made("a", "b").diff(made("b", "a")).changed
        assert len(change.what) == 2

    def test_one_iteration_more(self):
        found = chain(3).diff(chain(4))
        assert [node.iteration for node in found.added] == [3] and not found.removed

    def test_gradients_of_another_size(self):
        def made(scale):
            a, b = leaf([3.0, 4.0]), leaf([1.0])
            y = a * a
            return graph((y * y).sum() * scale + b.sum(), params={"a": a}, values=True)

        found = made(torch.tensor(1.0)).diff(made(torch.tensor(1000.0)))
        assert not found and {g.node.op for g in found.gradients} >= {"AccumulateGrad"}
        a = next(g for g in found.gradients if g.node.name == "a")
        assert a.norms[1] == pytest.approx(1000 * a.norms[0], rel=1e-5)
        assert "b" not in {g.node.name for g in found.gradients}
        lines = str(found).split("\n")
        assert lines[0].startswith("the graphs are alike")
        assert any(
            line.startswith("gradient of a: 277.8 -> 2.778e+05  (1e+03 times)") for line in lines
        )

    def test_gradients_that_became_nan_come_first(self):
        def made(x):
            a, b = leaf([x]), leaf([1.0])
            return graph((a.sqrt() + b * x * 5).sum(), params={"a": a, "b": b}, values=True)

        found = made(0.1).diff(made(0.0))
        assert found.gradients[0].node.name == "a" and found.gradients[0].norms[1] == float("inf")
        assert str(found.gradients[0]) == "gradient of a: 1.581 -> inf"

    def test_with_what_is_no_graph(self):
        with pytest.raises(TypeError, match="expected a Graph, not int"):
            line_fit().diff(3)


class TestGroups:
    def test_a_loop_is_a_line_of_buckets_of_iterations(self):
        from rushlight.viz._groups import group_tree

        h = leaf([1.0])
        for _ in range(1000):
            h = torch.tanh(h * 2)
        tree = group_tree(graph(h.sum()))
        line, last = tree.children
        assert line.kind == "line" and line.label.startswith("test_graph_forms.py:")
        assert last.kind == "op" and last.label == "SumBackward0"
        assert len(line.children) == 24 and line.children[0].kind == "iterations"
        assert line.children[0].label == "iterations 0 to 41"
        assert sum(len(child.nodes) for child in line.children) == 2000
        inner = line.children[0].children
        assert len(inner) <= 24 and inner[0].nodes[0] == line.nodes[0]

    def test_iterations_of_one_operation_are_no_groups_of_their_own(self):
        from rushlight.viz._groups import group_tree

        tree = group_tree(chain(5))
        assert [child.kind for child in tree.children] == ["op"] * 5

    def test_every_operation_is_in_one_place(self):
        from rushlight.viz._groups import group_tree

        made = line_fit()
        left, seen = [group_tree(made)], []
        while left:
            group = left.pop()
            left += group.children
            if not group.children:
                seen += group.nodes
        assert sorted(seen) == [node.index for node in made.nodes if not node.is_leaf]
