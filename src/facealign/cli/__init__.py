"""The command line. Only this package parses arguments, prints and exits.

Exit codes: 0 done · 1 a fault of facealign · 2 wrong usage or an output that cannot be written ·
3 some inputs failed and the rest were done · 4 no input could be read · 5 no usable model ·
6 a photo without a face, with --require-face · 7 training diverged ·
8 another process of a run ended · 130 interrupted.
"""

import sys
from typing import NoReturn

__all__ = ["main"]


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with one of the codes above.

    Called from Python it leaves no handler of signals, warnings or logs behind.
    """
    try:
        from facealign.cli.app import run
    except KeyboardInterrupt:  # so early that nobody else could hear it
        print("error: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(run(args))
