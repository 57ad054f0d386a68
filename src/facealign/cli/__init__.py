"""The command line. Only this package parses arguments, prints and exits.

Exit codes: 0 done · 1 a fault of facealign · 2 wrong usage or an output that cannot be written ·
3 some inputs failed and the rest were done · 4 no input could be read · 5 no usable model ·
6 a photo without a face, with --require-face · 130 interrupted.
"""

from facealign.cli.app import main

__all__ = ["main"]
