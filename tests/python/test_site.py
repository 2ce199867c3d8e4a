"""``grad_fn.site`` names the user's own expression, whatever kind of frame it runs in."""

import contextlib
import dis
import gc
import linecache
import os
import subprocess
import sys
import textwrap
import weakref

import pytest
from support import ON_TORCH, rushlight_only, torch

if not ON_TORCH:
    from rushlight import _site

pytestmark = [pytest.mark.python_versions, rushlight_only]


def line():
    """The line number of the caller."""
    return sys._getframe(1).f_lineno


@pytest.fixture
def x():
    return torch.ones(3, requires_grad=True)


def run(source, filename, **names):
    """Execute source the way a notebook does: its text is in linecache, not on disk."""
    source = textwrap.dedent(source)
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    exec(compile(source, filename, "exec"), names)
    return names


def resolve_call(source):
    """The Site of the only call in a piece of source."""
    code = compile(source, "<no file>", "exec")
    (call,) = (i for i in dis.get_instructions(code) if i.opname == "CALL")
    return _site.resolve(code, call.offset)


def test_site_names_file_line_span_and_variable(x):
    y = torch.exp(x)
    site = y.grad_fn.site
    assert os.path.samefile(site.filename, __file__)
    assert site.lineno == site.end_lineno == line() - 3
    assert site.name == "y"
    assert site.source == "    y = torch.exp(x)"
    assert site.expression == "torch.exp(x)"
    assert (site.column, site.end_column) == (8, 20)
    assert str(site) == f"test_site.py:{site.lineno}"


def test_two_operations_on_one_line_have_their_own_columns(x):
    y = torch.exp(x) * torch.log(x)
    product = y.grad_fn
    exp, log = (node for node, _ in product.next_functions)
    assert exp.site.expression == "torch.exp(x)"
    assert log.site.expression == "torch.log(x)"
    assert product.site.expression == "torch.exp(x) * torch.log(x)"
    assert [exp.site.name, log.site.name, product.site.name] == [None, None, "y"]


def test_method_call_is_the_expression(x):
    y = x.exp()
    assert y.grad_fn.site.expression == "x.exp()"
    assert y.grad_fn.site.name == "y"


def test_augmented_assignment_has_its_target_as_name(x):
    y = x * 2
    y *= 3
    assert y.grad_fn.site.name == "y"
    assert y.grad_fn.site.lineno == line() - 2


def test_attribute_target_is_dotted():
    class Model:
        pass

    self = Model()
    self.w = torch.ones(3, requires_grad=True)
    self.y = self.w * 2
    assert self.y.grad_fn.site.name == "self.y"
    self.inner = self
    self.inner.y = self.w * 3
    assert self.y.grad_fn.site.name == "self.inner.y"


def test_augmented_assignment_of_an_attribute_has_its_whole_name(x):
    class Part:
        pass

    part = Part()
    part.total, part.inner, part.parts, part.sum_up = x * 1, Part(), [part], x * 1
    part.total += x.sum() * 2
    assert part.total.grad_fn.site.name == "part.total"
    part.inner.total = x * 1
    part.inner.total *= (x * x).sum()
    assert part.inner.total.grad_fn.site.name == "part.inner.total"
    many = "\n".join(f"v{k} = {k}" for k in range(300))
    assert run(f"{many}\npart.sum_up += x.sum()", "<many>", part=part, x=x) is not None
    assert part.sum_up.grad_fn.site.name == "part.sum_up"
    part.parts[0].total = x * 1
    part.parts[0].total += x
    assert part.total.grad_fn.site.name is None


def test_first_of_several_targets_is_the_name(x):
    a = b = x * 2
    assert a is b and b.grad_fn.site.name == "a"
    assert (c := x * 2).grad_fn.site.name == "c"
    assert c is not None


def test_tuple_unpacking_of_a_result_has_no_name():
    assert resolve_call("a, b = f(x)").name is None
    assert resolve_call("a, *b = f(x)").name is None
    assert resolve_call("for a in f(x): pass").name is None
    assert resolve_call("a[0] = f(x)").name is None
    assert resolve_call("a = f(x)").name == "a"


def test_result_that_is_not_stored_has_no_name(x):
    def double():
        return x * 2

    assert double().grad_fn.site.name is None
    assert [x * 2][0].grad_fn.site.name is None


def test_cell_and_global_variables_are_named(x):
    y = x * 2

    def reader():
        nonlocal y
        global _stored
        y = x * 3
        _stored = x * 4
        return y

    reader()
    assert y.grad_fn.site.name == "y"
    assert y.grad_fn.site.expression == "x * 3"
    assert _stored.grad_fn.site.name == "_stored"


def test_nested_calls_give_the_innermost_frame(x):
    def outer(t):
        return inner(t) * 2

    def inner(t):
        return torch.exp(t)

    y = outer(x)
    (exp, _), _ = y.grad_fn.next_functions
    assert y.grad_fn.site.expression == "inner(t) * 2"
    assert exp.site.expression == "torch.exp(t)"


def test_multi_line_statement_keeps_its_lines(x):
    y = torch.exp(
        x,
    )
    site = y.grad_fn.site
    assert (site.lineno, site.end_lineno) == (line() - 4, line() - 2)
    assert site.expression == "torch.exp(\n        x,\n    )"
    assert site.name == "y"


def test_method_on_a_line_of_its_own_begins_at_its_dot(x):
    y = (
        x.exp()
        .mul(2)
        . sum()
    )  # fmt: skip
    total, product = y.grad_fn, y.grad_fn.next_functions[0][0]
    exp = product.next_functions[0][0]
    sites = [node.site for node in (exp, product, total)]
    assert [site.expression for site in sites] == ["x.exp()", ".mul(2)", ". sum()"]
    assert [site.lineno for site in sites] == [line() - 8 + k for k in range(3)]
    assert _site.stored(total.site.name, total.site.expression) == "y = …. sum()"


def test_lambda_and_comprehensions(x):
    double = lambda t: t * 2  # noqa: E731
    assert double(x).grad_fn.site.expression == "t * 2"
    (y,) = [x * n for n in (3,)]
    assert y.grad_fn.site.expression == "x * n"
    assert {n: x * n for n in (4,)}[4].grad_fn.site.expression == "x * n"
    assert next(x + n for n in (5,)).grad_fn.site.expression == "x + n"


def test_generator_and_decorated_function(x):
    def generate():
        y = x * 2
        yield y

    @contextlib.contextmanager
    def manage():
        y = x * 3
        yield y

    @torch.enable_grad()
    def decorated(t):
        z = t * 4
        return z

    assert next(generate()).grad_fn.site.name == "y"
    with manage() as y:
        assert y.grad_fn.site.expression == "x * 3"
    assert decorated(x).grad_fn.site.expression == "t * 4"


def test_class_body_and_method():
    class Holder:
        w = torch.ones(2, requires_grad=True)
        y = w * 2

        def method(self):
            return self.w.exp()

    assert Holder.y.grad_fn.site.name == "y"
    assert Holder().method().grad_fn.site.expression == "self.w.exp()"


def test_call_from_c_code_gives_the_frame_below(x):
    (y,) = map(torch.exp, [x])
    assert y.grad_fn.site.lineno == line() - 1
    assert sum([x, x]).grad_fn.site.expression == "sum([x, x])"


def test_keyword_and_unpacked_arguments(x):
    args, kwargs = [x], {"dim": 0}
    y = torch.sum(*args, **kwargs)
    assert y.grad_fn.site.expression == "torch.sum(*args, **kwargs)"
    assert y.grad_fn.site.name == "y"


def test_specialised_bytecode_gives_the_same_site(x):
    sites = set()
    for _ in range(100):
        y = torch.exp(x) + 1
        sites.add(y.grad_fn.site)
        (exp, _), _ = y.grad_fn.next_functions
        sites.add(exp.site)
    assert sorted(site.expression for site in sites) == ["torch.exp(x)", "torch.exp(x) + 1"]
    assert {site.name for site in sites} == {"y", None}


def test_many_variables_need_extended_arguments(x):
    names = [f"v{i}" for i in range(300)]
    source = "def f(x):\n" + "".join(f"    {name} = 0\n" for name in names) + "    v299 = x * 2\n"
    made = run(source + "    return v299\n", "<many variables>", torch=torch)
    assert made["f"](x).grad_fn.site.name == "v299"


def test_source_of_exec_is_found_through_linecache(x):
    made = run("y = torch.exp(x)\n", "<cell 1>", torch=torch, x=x)
    site = made["y"].grad_fn.site
    assert (site.filename, site.lineno, site.name) == ("<cell 1>", 1, "y")
    assert site.source == "y = torch.exp(x)"


def test_code_without_source_is_still_placed(x):
    made = {"torch": torch, "x": x}
    exec("y = torch.exp(x)", made)
    site = made["y"].grad_fn.site
    assert (site.filename, site.lineno, site.name, site.source) == ("<string>", 1, "y", "")
    assert site.expression == ""


def test_columns_count_characters(x):
    made = run("größe = x; y = 'ü', größe * 2\n", "<cell 2>", x=x)
    site = made["y"][1].grad_fn.site
    assert site.expression == "größe * 2"


def test_site_survives_its_code():
    def make():
        made = run("def f(x):\n    y = x * 2\n    return y\n", "<cell 3>")
        return made["f"](torch.ones(2, requires_grad=True))

    assert make().grad_fn.site.name == "y"


def test_accumulate_grad_has_the_place_of_first_use(x):
    y = x * 2
    (accumulate, _), _ = y.grad_fn.next_functions
    site = accumulate.site
    assert site is None, "it belongs to no statement"


def test_describe_shows_the_statement_and_its_place(x):
    y = torch.exp(x)
    lineno = y.grad_fn.site.lineno
    code = sys._getframe().f_code
    offset = next(
        2 * at for at, p in enumerate(code.co_positions()) if p[0] == lineno and p[2] == 8
    )
    assert _site.describe(code, offset) == f"y = torch.exp(x)          test_site.py:{lineno}"


def test_describe_folds_what_goes_on():
    code = run("def f(x):\n    return x.add(\n        1)\n", "<cell 4>")["f"].__code__
    offset = next(2 * at for at, p in enumerate(code.co_positions()) if p[1] == 3 and p[0] == 2)
    assert _site.describe(code, offset) == "x.add( 1)                 <cell 4>:2"


def test_describe_without_source_keeps_name_and_place():
    code = compile("y = -x", "<nowhere>", "exec")
    offset = next(i.offset for i in dis.get_instructions(code) if i.opname == "UNARY_NEGATIVE")
    assert _site.describe(code, offset) == "y = …  <nowhere>:1"


def test_edited_source_is_read_again(tmp_path):
    script = tmp_path / "edited.py"
    script.write_text("w = 1\nw *= 2\n")
    linecache.getlines(str(script))
    text = "w = 1\nw *= 1234567  # longer\n"
    script.write_text(text)
    code = compile(text, str(script), "exec")
    offset = next(i.offset for i in dis.get_instructions(code) if i.opname == "BINARY_OP")
    assert "1234567" in _site.describe(code, offset)


def test_without_debug_ranges_lines_remain(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "import rushlight as torch\n"
        "x = torch.ones(2, requires_grad=True)\n"
        "y = x * 2\n"
        "print(y.grad_fn.site[1:])\n"
    )
    command = [sys.executable, "-X", "no_debug_ranges", str(script)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "(3, 3, None, None, 'y', 'y = x * 2')\n"


def test_package_frames_are_skipped(x):
    site = (2.0**x).grad_fn.site
    assert site.expression == "2.0**x"
    assert os.path.samefile(x.sum(0).grad_fn.site.filename, __file__)


def test_a_long_program_costs_no_more_for_each_of_its_lines(x):
    n = 3000
    text = "h = x\n" + "h = h * 2\n" * n
    names = {"x": x}
    code = compile(text, "long.py", "exec")
    exec(code, names)
    node, reference, key, read = names["h"].grad_fn, weakref.ref(code), id(code), None
    for k in range(n):
        assert node.site.lineno == n + 1 - k
        read = read or _site._known[key]
        assert _site._known[key] is read, "the whole code is read by the first look alone"
        node = node.next_functions[0][0]
    names.clear()
    del code, node
    gc.collect()
    assert reference() is None and key not in _site._known


def test_stores_between_two_instructions():
    code = compile("def f(self, y):\n self.total += y\n y = 2\n", "<text>", "exec").co_consts[0]
    (add,) = (i.offset for i in dis.get_instructions(code) if i.opname == "BINARY_OP")
    end = len(code.co_code)
    assert _site.is_stored_between(code, add, end, "y")
    assert not _site.is_stored_between(code, 0, add, "y")
    assert _site.is_stored_between(code, end, add, "y")  # it came round: anywhere
    assert _site.is_stored_between(code, add, end, "self.total")
    assert not _site.is_stored_between(code, add, end, "self.rate")
