"""``python -m rushlight``: the command line, with the interpreter's own options passed on."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m rushlight"))
