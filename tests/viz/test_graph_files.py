"""A Graph as JSON, and files that are written whole or not at all."""

import base64
import json
import os
import subprocess
import sys

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
graph = torch.graph
NONE = 0xFFFFFFFF


def made(values=False):
    w, b, x = leaf([1.0, 2.0]), leaf([0.5, 0.5]), torch.ones(2)
    h = w * x + b
    for _ in range(3):
        h = torch.tanh(h)
    return graph(h.sum(), values=values).overlay("cost", {"w": 3.0})


def column(packed):
    import array

    codes = {"u8": "B", "u16": "H", "u32": "I", "f32": "f", "f64": "d"}
    return array.array(codes[packed["t"]], base64.b64decode(packed["b"])).tolist()


def test_it_is_the_columnar_model():
    read = json.loads(made(values=True).to_json())
    assert read["v"] == 1 and read["kind"] == "rushlight-graph"
    assert read["made"] == {"rushlight": torch.__version__}
    nodes = read["nodes"]
    ops = [read["strs"][i] for i in column(nodes["op"])]
    assert ops[:2] == ["AccumulateGrad", "MulBackward0"] and nodes["n"] == len(ops) == 8
    assert column(nodes["flags"])[0] == 1 and column(nodes["flags"])[-1] == 2
    assert column(nodes["iter"])[4:7] == [0, 1, 2] and column(nodes["iter"])[1] == NONE
    site = column(nodes["site"])[1]
    file = read["files"][column(read["sites"]["file"])[site]]
    assert file == {"path": __file__, "text": open(__file__).read()}
    assert read["strs"][column(read["sites"]["expr"])[site]] == "w * x"
    edges = list(zip(*(column(read["edges"][c]) for c in ("src", "dst", "in"))))
    assert edges[:3] == [(0, 1, 0), (1, 3, 0), (2, 3, 1)]
    assert read["values"]["n"] == read["grads"]["n"] == 8
    assert column(read["overlays"]["cost"])[0] == 3.0
    assert read["us"] == {} and read["mem"] == {} and read["steps"]["n"] == 0


def test_every_column_has_the_length_of_its_table():
    read = json.loads(made(values=True).to_json())
    for name, table in read.items():
        if isinstance(table, dict) and "n" in table:
            for key, packed in table.items():
                assert key == "n" or len(column(packed)) == table["n"], f"{name}.{key}"


def test_there_and_back():
    first = made(values=True)
    again = torch.Graph.from_json(first.to_json())
    assert again.to_json() == first.to_json()
    assert str(again) == str(first) and again.to_dot() == first.to_dot()
    assert [n.rules for n in again.nodes] == [n.rules for n in first.nodes]
    assert again["w"].grad == first["w"].grad and not first.diff(again)
    assert again.overlays["cost"] == {again["w"]: 3.0}


def test_copies_and_pickles():
    import copy
    import pickle

    first = made(values=True)
    for again in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        assert again.to_json() == first.to_json()


PROGRAM = """
import gc, sys
import rushlight as torch
noise = [object() for _ in range(int(sys.argv[1]))]  # other addresses
w = torch.ones(3, requires_grad=True)
model = torch.nn.Linear(3, 1)
torch.nn.init.ones_(model.weight)
torch.nn.init.ones_(model.bias)
h = w * torch.ones(3)
for _ in range(4):
    h = h.exp().sin()
loss = model(h).sum() + h.detach().sum()
print(torch.graph(loss, values=True, params={"w": w}).to_json())
"""


def test_two_runs_of_one_program_give_the_same_bytes(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    texts = [
        subprocess.run(
            [sys.executable, path, n],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONHASHSEED": n},
        ).stdout
        for n in ("1", "999")
    ]
    assert texts[0] == texts[1] and len(texts[0]) > 1000


def test_two_graphs_in_one_process_give_the_same_bytes():
    assert made(values=True).to_json() == made(values=True).to_json()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no JSON"),
        ("[]", "not what Graph.to_json"),
        ('{"kind": "other"}', "not what Graph.to_json"),
        ('{"kind": "rushlight-graph", "v": 2}', "newer than this rushlight"),
        ('{"kind": "rushlight-graph", "v": 1}', "damaged"),
    ],
)
def test_other_texts_are_refused(text, word):
    with pytest.raises(ValueError, match=word):
        torch.Graph.from_json(text)


def damages(read):
    """Damaged copies of the parts of a graph, each by one thing."""
    yield {**read, "strs": None}
    yield {**read, "strs": read["strs"][:1]}
    yield {**read, "strs": [3] * len(read["strs"])}
    yield {**read, "files": []}
    yield {**read, "files": [{} for _ in read["files"]]}
    yield {**read, "files": [{"path": 3} for _ in read["files"]]}
    yield {**read, "params": {"w": 99}}
    yield {**read, "overlays": {"cost": {"t": "f64", "b": ""}}}
    yield {**read, "nodes": {**read["nodes"], "n": 1}}
    yield {**read, "nodes": {**read["nodes"], "op": read["nodes"]["flags"]}}
    yield {**read, "shapes": {"t": "u32", "b": ""}}
    yield {**read, "data": {"t": "f64", "b": "AAA"}}
    for table, name in (("edges", "src"), ("edges", "dst"), ("outs", "node"), ("sites", "file")):
        n = read[table]["n"]
        bad = {"t": "u32", "b": base64.b64encode(b"\xfe\xff\xff\xff" * n).decode()}
        yield {**read, table: {**read[table], name: bad}}


def test_damaged_texts_are_refused():
    read = json.loads(made(values=True).to_json())
    for damaged in damages(read):
        with pytest.raises(ValueError, match=r"Graph\.from_json\(\)"):
            torch.Graph.from_json(json.dumps(damaged))


FORMS = ["to_json", "to_dot", "to_mermaid"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_holds_what_is_returned(form, tmp_path):
    path = tmp_path / "graph.txt"
    text = getattr(made(), form)(path)
    assert path.read_text() == text
    assert getattr(made(), form)(str(path)) == text, "over what was there"
    assert os.listdir(tmp_path) == ["graph.txt"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("form", FORMS)
def test_a_path_that_cannot_be_written(form, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write .*no.*\n  fix: give the name") as e:
        getattr(made(), form)(tmp_path / "no" / "graph.txt")
    assert e.value.errno == 2
    with pytest.raises(IsADirectoryError, match="cannot write .*it is a folder"):
        getattr(made(), form)(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_stood_there_stays_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "graph.json"
    path.write_text("before")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left on device\n  fix: make room there"):
        made().to_json(path)
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["graph.json"]


def test_a_name_that_is_no_utf8_is_written(tmp_path):
    name = os.fsdecode(b"w\xff")
    w = leaf([1.0])
    made = graph(w * 2, {name: w})
    for form in ("to_json", "to_dot", "to_mermaid", "to_svg", "to_html"):
        getattr(made, form)(tmp_path / form)
    read = torch.Graph.from_json((tmp_path / "to_json").read_text())
    assert read[name].op == "AccumulateGrad"


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("before")
    link.symlink_to(target)
    text = made().to_json(link)
    assert link.is_symlink() and target.read_text() == text


def test_a_pipe_is_written_to():
    read, write = os.pipe()
    try:
        text = made().to_mermaid(f"/dev/fd/{write}")
        assert os.read(read, 1 << 16).decode() == text
    finally:
        os.close(read)
        os.close(write)


class TestPictures:
    """What the drawing modules make is handed on: here they are stood in for."""

    @pytest.fixture
    def drawn(self, monkeypatch):
        import types

        asked = []

        def stand_in(module, function, content):
            made = types.ModuleType(f"rushlight.viz.{module}")

            def draw(graph, *arguments, **options):
                asked.append((function, *arguments, *options.values()))
                return content

            setattr(made, function, draw)
            made.check = lambda scale: None
            monkeypatch.setitem(sys.modules, made.__name__, made)

        stand_in("_svg", "svg", '<svg title="a & b"/>')
        stand_in("_png", "png", b"\x89PNG\r\n")
        stand_in("_page", "page", "<p title='x'>\"page\"</p>")
        return asked

    def test_files(self, drawn, tmp_path):
        graph = made()
        assert graph.to_svg(tmp_path / "g.svg", theme="dark") == '<svg title="a & b"/>'
        assert graph.to_png(tmp_path / "g.png", scale=1.0) == b"\x89PNG\r\n"
        assert graph.to_html(tmp_path / "g.html") == "<p title='x'>\"page\"</p>"
        assert (tmp_path / "g.png").read_bytes() == b"\x89PNG\r\n"
        assert (tmp_path / "g.html").read_text() == "<p title='x'>\"page\"</p>"
        assert drawn == [
            ("svg", 200, True, None, "dark", None),
            ("svg", 200, True, None, "light", None),
            ("png", 1.0),
            ("page", "rushlight graph"),
        ]

    @pytest.mark.parametrize("form", ["svg", "png", "html"])
    def test_an_option_that_there_is_not(self, form):
        with pytest.raises(TypeError, match=rf"Graph\.to_{form}\(\) got an unexpected.*'colour'"):
            getattr(made(), f"to_{form}")(colour="red")

    def test_a_notebook_gets_page_picture_and_text(self, drawn):
        graph = made()
        bundle = graph._repr_mimebundle_()
        assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
        assert bundle["text/plain"] == str(graph)
        html = bundle["text/html"]
        assert 'srcdoc="&lt;p title=&#x27;x&#x27;&gt;&quot;page&quot;&lt;/p&gt;"' in html
        assert 'sandbox="allow-scripts allow-downloads"' in html
        picture = html.split("base64,")[1].split('"')[0]
        assert base64.b64decode(picture) == b'<svg title="a & b"/>'
        assert set(graph._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
        assert "text/html" not in graph._repr_mimebundle_(exclude={"text/html"})

    def test_show_writes_a_file_and_opens_it(self, drawn, monkeypatch, capsys):
        import webbrowser

        opened = []
        monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
        path = made().show()
        assert opened == ["file://" + path] and open(path).read() == "<p title='x'>\"page\"</p>"
        monkeypatch.setattr(webbrowser, "open", lambda url: False)
        path = made().show()
        assert capsys.readouterr().out == f"no browser was found; the page is {path}\n"
