"""The warning about graphs that pile up: which programs get it, and which do not."""

import gc
import warnings
import weakref
from collections import deque

import pytest
from support import leaf, recorded_warnings, run_script, rushlight_only, torch

pytestmark = [pytest.mark.python_versions, rushlight_only]

PASSES = 400


@pytest.fixture(autouse=True)
def fresh_watch():
    torch.debug.warn_growth(False)
    torch.debug.warn_growth(True)


def growth_warnings(program, passes=PASSES):
    with recorded_warnings() as caught:
        program(passes)
    return [w for w in caught if "backward passes are still alive" in str(w.message)]


def line_number(function, text):
    lines = open(function.__code__.co_filename).read().splitlines()
    first = function.__code__.co_firstlineno
    return next(i for i in range(first, len(lines)) if text in lines[i - 1])


def one_loss(w):
    return ((w * torch.ones(3)) ** 2).mean()


def test_sum_of_losses_warns_once_at_the_backward_statement():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        total_loss = 0
        for _ in range(passes):
            loss = one_loss(w)
            loss.backward()  # the pass
            total_loss += loss
        return total_loss

    (warning,) = growth_warnings(train)
    text = str(warning.message)
    assert warning.category is UserWarning
    assert warning.filename == __file__
    assert warning.lineno == line_number(train, "# the pass")
    assert text.startswith("The graphs of the last 192 backward passes are still alive, ")
    assert "total_loss in " in text.split("\n")[0]
    assert f"test_growth.py:{line_number(train, 'total_loss += loss')}" in text
    assert "write `total_loss += loss.item()`, or `total_loss += loss.detach()`" in text
    assert not growth_warnings(train)


def test_assignment_with_a_sum_is_shown_rewritten():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        total = torch.zeros(())
        for _ in range(passes):
            loss = one_loss(w)
            loss.backward()
            total = total + 2 * loss
        return total

    (warning,) = growth_warnings(train)
    assert "write `total = total + (2 * loss).item()`" in str(warning.message)


def test_list_of_losses_is_named():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        losses = []
        for _ in range(passes):
            loss = one_loss(w) * 2
            loss.backward()
            losses.append(loss)

    (warning,) = growth_warnings(train)
    assert "put a number into `losses`, as `loss.item()`" in str(warning.message)


def test_loss_kept_in_every_eighth_pass_is_found():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        losses = []
        for i in range(passes):
            loss = one_loss(w) / 2
            loss.backward()
            if i % 8 == 0:
                losses.append(loss)

    assert len(growth_warnings(train)) == 1


def test_attribute_with_a_history_is_named():
    class Trainer:
        total = 0

        def step(self, w):
            loss = one_loss(w) - 1
            loss.backward()
            self.total = self.total + loss

        def train(self, passes):
            w = leaf([1.0, 2.0, 3.0])
            for _ in range(passes):
                self.step(w)

    (warning,) = growth_warnings(Trainer().train)
    assert "self.total" in str(warning.message)
    assert "write `self.total = self.total + loss.item()`" in str(warning.message)


def test_activations_kept_by_a_module_are_named_from_a_variable():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 3)
            self.seen = []

        def forward(self, x):
            hidden = self.linear(x).tanh()
            self.seen.append(hidden)
            return hidden

    class Trainer:
        def __init__(self):
            self.model = Model()
            self.log = {"loss": []}

        def train(self, passes):
            for _ in range(passes):
                loss = self.model(torch.ones(2, 4)).sum()
                loss.backward()
                self.log["loss"].append(loss)

    first, second = sorted(str(w.message) for w in growth_warnings(Trainer().train))
    assert (
        "put a tensor without history into `self.model.seen`, as `hidden.detach()`"
        in second + first
    )
    assert "put a number into `self.log['loss']`, as `loss.item()`" in first + second


def test_hidden_state_that_is_never_cut_is_found():
    def train(passes):
        w = leaf([0.5])
        hidden = torch.zeros(1)
        for _ in range(passes):
            hidden = (hidden * w).tanh()
            loss = hidden.sum()
            loss.backward(retain_graph=True)

    (warning,) = growth_warnings(train)
    assert "hidden = hidden.detach()" in str(warning.message)


def test_passes_of_autograd_grad_count():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        total = 0
        for _ in range(passes):
            loss = one_loss(w) + 3
            torch.autograd.grad(loss, w)
            total += loss

    assert len(growth_warnings(train)) == 1


def test_switched_off_says_nothing():
    def train(passes):
        w = leaf([1.0, 2.0, 3.0])
        total = 0
        for _ in range(passes):
            loss = one_loss(w) + 4
            loss.backward()
            total += loss

    assert torch.debug.warn_growth(False) is True
    assert not growth_warnings(train)
    assert torch.debug.warn_growth() is False
    with pytest.raises(TypeError):
        torch.debug.warn_growth("no")


def test_warning_as_an_error_leaves_the_gradients_in_place():
    w = leaf([1.0, 2.0, 3.0])
    total = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="still alive"):
            for _ in range(PASSES):
                loss = one_loss(w) + 5
                w.grad = None
                loss.backward()
                total += loss
    assert w.grad.tolist() == pytest.approx([2 / 3, 4 / 3, 2.0])


# --- programs that do nothing wrong


def plain(w, passes):
    for _ in range(passes):
        one_loss(w).backward()


def numbers_kept(w, passes):
    total, losses = 0, []
    for _ in range(passes):
        loss = one_loss(w)
        loss.backward()
        total += loss.item()
        losses.append(loss.detach())


def hidden_state_cut(w, passes):
    hidden = torch.zeros(3)
    for i in range(passes):
        hidden = (hidden * w).tanh()
        if i % 35 == 34:
            hidden.sum().backward()
            hidden = hidden.detach()
        one_loss(w).backward()


def graph_retained(w, passes):
    for _ in range(passes):
        loss = one_loss(w)
        loss.backward(retain_graph=True)
        (loss * 2).backward()


def big_graph_reused(w, passes):
    y = w
    for _ in range(2000):
        y = y * w
    loss = y.sum()
    for _ in range(passes):
        loss.backward(retain_graph=True)


def replay_of_detached(w, passes):
    memory = []
    for _ in range(passes):
        y = (w * 2).detach()
        memory += [y, y.clone()]
        one_loss(w).backward()


def evaluation(w, passes):
    kept = []
    for _ in range(passes):
        kept.append(one_loss(w))
    assert len(kept) == passes


def inner_loops(w, passes):
    for _ in range(passes // 40):
        inner = w
        for _ in range(40):
            (g,) = torch.autograd.grad(one_loss(inner), inner, create_graph=True)
            inner = inner - 0.01 * g
        one_loss(inner).backward()


def long_inner_loop(w, passes):
    inner = w
    for _ in range(passes):
        (g,) = torch.autograd.grad(one_loss(inner), inner, create_graph=True)
        inner = inner - 0.01 * g
    one_loss(inner).backward()


def bounded_history(w, passes):
    history = deque(maxlen=300)
    for _ in range(passes):
        loss = one_loss(w)
        loss.backward()
        history.append(loss)


def graphs_that_wait_for_their_pass(w, passes):
    waiting = []
    for _ in range(passes):
        one_loss(w).backward()
        waiting.append((w * 3).log().sum())
    torch.stack(waiting).sum().backward()


def epochs(w, passes):
    for _ in range(passes // 100):
        total = 0
        for _ in range(100):
            loss = one_loss(w)
            loss.backward()
            total = total + loss


PROGRAMS = [
    plain,
    numbers_kept,
    hidden_state_cut,
    graph_retained,
    big_graph_reused,
    replay_of_detached,
    evaluation,
    inner_loops,
    long_inner_loop,
    bounded_history,
    graphs_that_wait_for_their_pass,
    epochs,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_no_false_alarm(program):
    w = leaf([0.5, 0.2, 0.3])
    assert not growth_warnings(lambda passes: program(w, passes), 1200)


def test_search_holds_nothing_alive():
    w = leaf([1.0, 2.0, 3.0])
    gc.collect()
    gc.disable()
    try:
        losses = []
        with recorded_warnings() as caught:
            for _ in range(PASSES):
                loss = one_loss(w) + 6
                loss.backward()
                losses.append(loss)
        refs = [weakref.ref(loss) for loss in losses]
        del losses, loss
        assert not any(ref() for ref in refs)
    finally:
        gc.enable()
    assert caught


def test_module_is_loaded_only_to_search():
    assert run_script("growth_is_lazy") == "not loaded\n"
