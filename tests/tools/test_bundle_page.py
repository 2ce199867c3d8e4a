"""The page's modules become one script that means the same, in the order of their imports."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "bundle_page.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("bundle_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_what_its_sources_give(tool):
    assert tool.main(["--check"]) == 0


def test_a_page_that_differs_from_its_sources_is_noticed(tool, tmp_path, monkeypatch, capsys):
    page = tmp_path / "_page.html"
    monkeypatch.setattr(tool, "OUTPUT", page)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    assert tool.main(["--check"]) == 1
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
    text = page.read_text()
    page.write_text(text.replace("</body>", " </body>"))
    assert tool.main(["--check"]) == 1
    code = tool.pack(tool.bundle()[1] + "\n1;")
    before, _, after = tool.bundle()[0].partition("@CODE@")
    page.write_text(before + code + after)
    assert tool.main(["--check"]) == 1
    assert "run `make page`" in capsys.readouterr().err


def test_a_page_over_the_limit_is_refused(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool, "LIMIT", 1000)
    assert tool.main(["--check"]) == 1
    assert "1,000 are allowed" in capsys.readouterr().err


def test_modules_stand_after_what_they_import_and_keep_their_names_apart(tool):
    script = tool.link(
        {
            "a": "import {one} from './b.js';\nconst own = one;\n",
            "b": "const own = 1;\nexport const one = own;\nexport function $() {}\n",
        }
    )
    assert script == (
        "'use strict';\n"
        "const module_b = (() => {\nconst own = 1;\nconst one = own;\nfunction $() {}\n"
        "return {one, $};\n})();\n"
        "(() => {\nconst {one} = module_b;\nconst own = one;\n})();\n"
    )


@pytest.mark.parametrize(
    "sources, words",
    [
        ({"a": "import {x} from './b.js';\n", "b": "const x = 1;\n"}, "imports x, which b.js does"),
        (
            {
                "a": "import {y} from './b.js';\nexport const x = 1;\n",
                "b": "import {x} from './a.js';\nexport const y = 1;\n",
            },
            "imports itself by way of others",
        ),
        ({"a": "export default 1;\n"}, "in another form"),
    ],
)
def test_modules_that_do_not_fit_are_refused(tool, sources, words):
    with pytest.raises(tool.BundleError, match=words):
        tool.link(sources)


@pytest.mark.parametrize(
    "given, short",
    [
        ("const a = 1 ; // a comment\nb( a , 2 );\n", "const a=1;\nb(a,2);"),
        ("/** a\n * b */\nreturn a - -b + +c;", "return a- -b+ +c;"),
        ("x = 'a  // b' + \"c  /* d */\";", "x='a  // b'+\"c  /* d */\";"),
        ("y = `a  ${f( `b  ${c + 1}  ` )}  // d`;", "y=`a  ${f(`b  ${c+1}  `)}  // d`;"),
        ("z = `${{a: 1}.a}  x`;", "z=`${{a:1}.a}  x`;"),
        ("r = /[/'\"]  +/g.test( s ) ;", "r=/[/'\"]  +/g.test(s);"),
        ("q = a / b / c;", "q=a/b/c;"),
        ("return /^  x/ ;", "return /^  x/;"),
        ("if (a in b) return void 0", "if(a in b)return void 0"),
    ],
)
def test_only_spaces_and_comments_that_say_nothing_are_left_out(tool, given, short):
    assert tool.shorten(given) == short


def test_a_template_literal_without_an_end_is_refused(tool):
    with pytest.raises(tool.BundleError, match="has no end"):
        tool.shorten("x = `a ${b}")


def test_packing_gives_the_same_on_each_run_and_is_undone(tool):
    assert tool.pack("é" * 100) == tool.pack("é" * 100)
    assert tool.unpack(tool.pack("é" * 100)) == "é" * 100
