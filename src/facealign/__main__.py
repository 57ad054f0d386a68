"""`python -m facealign`, the same as the command `facealign`."""

from facealign.cli import program

program()
