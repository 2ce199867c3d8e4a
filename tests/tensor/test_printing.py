"""Printing: the rules beyond the recorded cases, and that a print changes nothing."""

import pytest
from support import inf, leaf, nan, rushlight_only, torch


@pytest.fixture(autouse=True)
def default_options():
    torch.set_printoptions(profile="default")
    yield
    torch.set_printoptions(profile="default")


def rows(*lines):
    return "\n".join(lines)


def test_zero_dim():
    assert repr(torch.tensor(-0.0)) == "tensor(-0.)"
    assert repr(torch.tensor(nan)) == "tensor(nan)"
    assert repr(torch.tensor(-inf)) == "tensor(-inf)"
    assert repr(torch.tensor(1e-300, dtype=torch.float64)) == (
        "tensor(1.0000e-300, dtype=torch.float64)"
    )
    assert repr(torch.tensor(-5)) == "tensor(-5)"


def test_empty():
    assert repr(torch.zeros(0)) == "tensor([])"
    assert repr(torch.zeros(3, 0, dtype=torch.bool)) == "tensor([], size=(3, 0), dtype=torch.bool)"
    assert repr(torch.zeros(0, 2, requires_grad=True)) == (
        "tensor([], size=(0, 2), requires_grad=True)"
    )
    assert repr(torch.zeros(0, requires_grad=True) * 2) == "tensor([], grad_fn=<MulBackward0>)"


def test_views_print_what_they_show():
    x = torch.arange(6.0).view(2, 3)
    assert repr(x.t()) == rows("tensor([[0., 3.],", "        [1., 4.],", "        [2., 5.]])")
    assert repr(torch.tensor([[1.5], [2.0]]).expand(2, 3)) == rows(
        "tensor([[1.5000, 1.5000, 1.5000],", "        [2.0000, 2.0000, 2.0000]])"
    )
    assert repr(torch.tensor(1).expand(2)) == "tensor([1, 1])"


def test_layout_is_chosen_by_all_elements():
    assert repr(torch.tensor([1.0, 2.5, 100.0])) == "tensor([  1.0000,   2.5000, 100.0000])"
    assert repr(torch.tensor([nan, 1.5, -inf])) == "tensor([   nan, 1.5000,   -inf])"
    assert repr(torch.tensor([1e-5, -0.0, nan])) == "tensor([1.0000e-05, -0.0000e+00,        nan])"
    assert repr(torch.tensor([0.0, 1000.0, 0.5])) == "tensor([0.0000e+00, 1.0000e+03, 5.0000e-01])"


def test_range_that_overflows_is_scientific():
    big, small = 1.7e308, 5e-324
    assert repr(torch.tensor([big, small], dtype=torch.float64)) == (
        "tensor([1.7000e+308, 4.9407e-324], dtype=torch.float64)"
    )


@pytest.mark.parametrize("summarised", [1001, 5000])
def test_summary_of_a_long_vector(summarised):
    assert repr(torch.zeros(summarised)) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"
    assert "..." not in repr(torch.zeros(1000))


def test_summary_chooses_its_layout_by_what_it_shows():
    x = torch.zeros(2000)
    x.view(2, 1000).t().copy_(torch.arange(2000.0).view(1000, 2))
    # from 1 to 1999 would be scientific, from 2 to 1999 is not
    assert repr(x) == "tensor([   0.,    2.,    4.,  ..., 1995., 1997., 1999.])"


def test_summary_of_every_long_dimension():
    text = repr(torch.zeros(10, 2, 200))
    assert text.count("...") == 13 and text.splitlines()[0] == (
        "tensor([[[0., 0., 0.,  ..., 0., 0., 0.],"
    )
    assert rows("", "", "        ...,", "", "") in text


def test_suffix_moves_to_a_new_line_where_it_does_not_fit():
    x = torch.full((8,), 1.2346, dtype=torch.float64, requires_grad=True)
    body = "tensor([" + ", ".join(["1.2346"] * 8) + "]"
    assert repr(x) == body + ",\n       dtype=torch.float64, requires_grad=True)"


def test_default_dtype_hides_itself():
    torch.set_default_dtype(torch.float64)
    try:
        assert repr(torch.tensor([1.0])) == "tensor([1.])"
        assert repr(torch.tensor([1.0], dtype=torch.float32)) == "tensor([1.], dtype=torch.float32)"
    finally:
        torch.set_default_dtype(torch.float32)


def test_options_apply_and_reset():
    x = torch.tensor([1.23456, 2.0])
    torch.set_printoptions(precision=2)
    assert repr(x) == "tensor([1.23, 2.00])"
    torch.set_printoptions(precision=4, sci_mode=True)
    assert repr(x) == "tensor([1.2346e+00, 2.0000e+00])"
    torch.set_printoptions(linewidth=20)  # sci_mode is chosen by the numbers again
    assert repr(x) == "tensor([1.2346,\n        2.0000])"
    torch.set_printoptions(profile="full")
    assert "..." not in repr(torch.zeros(2000))
    torch.set_printoptions(profile="default")
    assert repr(x) == "tensor([1.2346, 2.0000])"


@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 2, 2)])
def test_no_edge_items_show_the_size(shape):
    torch.set_printoptions(edgeitems=0, threshold=3)
    size = f"size={tuple(shape)}"
    if len(shape) == 1:
        assert repr(torch.zeros(shape)) == f"tensor([...], {size})"
    assert size in repr(torch.zeros(shape, dtype=torch.int64))


@rushlight_only
def test_options_as_a_context():
    from rushlight._tensor_str import get_printoptions, printoptions

    before = get_printoptions()
    with printoptions(precision=1, sci_mode=True):
        assert repr(torch.tensor([2.0])) == "tensor([2.0e+00])"
        with pytest.raises(TypeError), printoptions(nonsense=1):
            pass
        assert get_printoptions()["precision"] == 1
    assert (
        get_printoptions()
        == before
        == {
            "precision": 4,
            "threshold": 1000,
            "edgeitems": 3,
            "linewidth": 80,
            "sci_mode": None,
        }
    )


def test_print_works_in_every_mode_and_changes_nothing():
    x = leaf([1.5, 2.0])
    y = x * 2
    for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            assert repr(y) == str(y) == "tensor([3., 4.], grad_fn=<MulBackward0>)"
    assert x._version == y._version == 0 and torch.is_grad_enabled()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_freed_graph_and_view_of_a_changed_base_still_print():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    assert repr(y) == "tensor(5., grad_fn=<SumBackward0>)"
    with torch.no_grad():
        v = x.view(2)
        v.mul_(2)
    assert repr(v).startswith("tensor([2., 4.]")


def test_subclass_prints_its_name():
    class Price(torch.Tensor):
        pass

    p = torch.ones(2).as_subclass(Price) if hasattr(torch.Tensor, "as_subclass") else Price([1, 1])
    assert repr(p) == "Price([1., 1.])"


@pytest.mark.parametrize(
    "spec, text", [(".2f", "3.14"), ("", "3.140000104904175"), (">8.1f", "     3.1"), ("e", None)]
)
def test_format_of_zero_dim_is_that_of_its_number(spec, text):
    for x in (torch.tensor(3.14), leaf(3.14)):
        assert format(x, spec) == (text or format(x.item(), spec))


def test_format_of_others():
    x = torch.tensor([1.5])
    assert f"{x}" == repr(x) and f"{torch.tensor(3):03d}" == "003" and f"{torch.tensor(True)}"
    with pytest.raises(TypeError, match="unsupported format string passed to Tensor.__format__"):
        f"{x:.2f}"
    with pytest.raises(ValueError):
        f"{torch.tensor(1.5):d}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": -1}, "Format specifier missing precision"),
        ({"precision": "a"}, "Format specifier missing precision"),  # printed "f" for each number
        ({"precision": 2.5}, "Invalid format specifier"),
        ({"threshold": "a"}, "not supported between instances of"),
        ({"linewidth": "a"}, "unsupported operand type"),
        ({"nope": 1}, "unexpected keyword argument 'nope'"),
    ],
)
def test_options_without_sense_are_refused(options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        torch.set_printoptions(**options)
        repr(torch.tensor([1.5, 2.25]))


@pytest.mark.parametrize("profile", ["unknown", "SHORT", 3, [], None])
def test_unknown_profile_changes_nothing(profile):
    torch.set_printoptions(precision=2)
    torch.set_printoptions(profile=profile)
    assert repr(torch.tensor([1.234])) == "tensor([1.23])"


def test_notebook_shows_the_plain_text():
    x = torch.arange(3.0)
    # What IPython asks for before it falls back on repr().
    for name in ("_ipython_canary_method_should_not_exist_", "_repr_html_", "_repr_mimebundle_"):
        assert not hasattr(x, name)
    assert not hasattr(type(x), "_repr_pretty_") and repr(x) == "tensor([0., 1., 2.])"


def test_large_tensor_is_printed_without_reading_all_of_it():
    x = torch.arange(2.0).view(2, 1).expand(2, 10**9)
    first, second = repr(x).splitlines()
    assert first == "tensor([[0., 0., 0.,  ..., 0., 0., 0.],"
    assert second == "        [1., 1., 1.,  ..., 1., 1., 1.]])"
