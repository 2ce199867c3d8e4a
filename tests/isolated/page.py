"""The examples of one page of docs: what they print against what the page shows."""

import doctest
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import spec_cases
from support import torch

page = pathlib.Path(sys.argv[1])
options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=options)
test = parser.get_doctest(page.read_text(), {"torch": torch}, page.name, str(page), 0)
with spec_cases.as_torch(torch):
    runner.run(test, clear_globs=False)
sys.exit(runner.summarize(verbose=False).failed > 0)
