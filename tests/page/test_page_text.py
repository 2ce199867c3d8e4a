"""Graph to page as text, without a browser."""

import base64
import gzip
import json
import re

import page_models as models
import pytest

from rushlight.viz import _page


def data_of(text):
    packed = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', text)[1]
    return gzip.decompress(base64.b64decode(packed)).decode()


class WithJson:
    def __init__(self, text):
        self.text = text

    def to_json(self):
        return self.text


def test_the_page_holds_the_model_of_a_dict_a_text_or_a_graph():
    model = models.regression()
    text = json.dumps(model)
    for given in (model, text, WithJson(text)):
        assert json.loads(data_of(_page.page(given))) == model


def test_the_same_graph_gives_the_same_bytes():
    assert _page.page(models.rnn(5)) == _page.page(models.rnn(5))


def test_the_page_without_data_is_at_most_60_kb():
    page = _page.page(models.regression())
    assert len(page.encode()) - len(_page.pack(json.dumps(models.regression()))) <= 60_000


def test_a_title_is_text():
    page = _page.page(models.regression(), title='<b>"@DATA@" & co')
    assert page.count("&lt;b&gt;&quot;@DATA@&quot; &amp; co") == 2
    assert "<b>" not in page
    assert json.loads(data_of(page))["kind"] == "rushlight-graph"


def test_half_a_surrogate_pair_is_replaced():
    m = models.Model()
    m.leaf("\ud800x")
    text = json.dumps(m.build(), ensure_ascii=False)
    page = _page.page(text, title="\udfff")
    assert page.encode()
    assert "?x" in json.loads(data_of(page))["strs"]


def test_the_file_names_nothing_outside_itself():
    page = _page.page(models.regression())
    outside = set(re.findall(r"(?:src|href)=[\"']?([^\"'> ]+)", page))
    assert outside == {"data:,"}
    assert 'http-equiv="Content-Security-Policy"' in page and "default-src 'none'" in page


@pytest.mark.parametrize(
    "given, error, words",
    [
        (3, TypeError, "takes a Graph, or its JSON as str or dict, not int"),
        ("{", ValueError, "the text is not JSON"),
        ("[]", ValueError, "takes a model of kind 'rushlight-graph', version 1"),
        ({"kind": "rushlight-graph", "v": 2}, ValueError, "version 1"),
    ],
)
def test_what_is_no_graph_is_refused(given, error, words):
    with pytest.raises(error, match=re.escape(words)):
        _page.page(given)
