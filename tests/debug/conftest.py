"""The fixture of tests that watch for infinities."""

import pytest
from support import torch


@pytest.fixture
def watched():
    with torch.debug.watch_nonfinite("record") as watch:
        yield watch
