"""Set-up of every test: a clean random state and modes, and the count of recorded cases."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support import torch

_SPEC_SUMMARY = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[_SPEC_SUMMARY] = []
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@pytest.fixture(scope="session")
def spec_summary(request):
    """Lines that the end of the run shows."""
    return request.config.stash[_SPEC_SUMMARY]


@pytest.fixture(autouse=True)
def clean_state():
    """Each test starts from seed 0 and must leave the modes as it found them."""
    torch.manual_seed(0)
    before = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype())
    yield
    after = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype())
    torch.set_grad_enabled(before[0])
    torch.set_default_dtype(before[2])
    assert after == before, "the test left grad mode or default dtype changed"


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash[_SPEC_SUMMARY]
    if lines:
        terminalreporter.section("recorded cases of PyTorch's behaviour")
        for line in lines:
            terminalreporter.write_line(line)
