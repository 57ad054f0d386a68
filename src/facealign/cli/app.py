"""`run`: all verbs by name, and every error as one line and an exit code."""

import difflib
import os
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click

from facealign import __version__
from facealign.cli.console import fail, log_to_stderr, usable_streams
from facealign.cli.stopping import INTERRUPTED, Stop
from facealign.errors import (
    DataError,
    DivergenceError,
    FaceAlignError,
    ImageError,
    ModelError,
    ProcessError,
)
from facealign.files import reason

VERBS = {  # name → where its click command is: "module:attribute"
    "align": "facealign.cli.photos.align:command",
    "video": "facealign.cli.video:command",
    "draw": "facealign.cli.photos.draw:draw",
    "crop": "facealign.cli.photos.draw:crop",
    "attention": "facealign.cli.photos.draw:attention",
    "label": "facealign.cli.photos.label:command",
    "train": "facealign.cli.training.train:train",
    "sweep": "facealign.cli.training.train:sweep",
    "export": "facealign.cli.training.export:export",
    "eval": "facealign.cli.training.evaluate:evaluate",
    "score": "facealign.cli.training.evaluate:score_again",
    "compare": "facealign.cli.training.evaluate:compare",
    "reproduce": "facealign.cli.training.reproduce:reproduce",
    "data": "facealign.cli.training.data:data",
    "models": "facealign.cli.lists:models",
    "markups": "facealign.cli.lists:markups",
    "convert": "facealign.cli.photos.convert:command",
    "web": "facealign.cli.serve:web",
    "serve": "facealign.cli.serve:serve",
    "bench": "facealign.cli.doctor:bench",
    "doctor": "facealign.cli.doctor:doctor",
}
EXIT_CODES = {ImageError: 4, DataError: 4, ModelError: 5, DivergenceError: 7, ProcessError: 8}
"""2 for the other errors: wrong settings, an output that cannot be written, a missing extra."""


def load_verb(name: str) -> click.Command:
    """The click command of a verb, imported now."""
    command = resolve_name(VERBS[name])
    assert isinstance(command, click.Command)
    return command


class Verbs(click.Group):
    """A group that imports a verb only when it is used, and aligns where no verb is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb of this name, None if there is none."""
        return load_verb(name) if name in VERBS else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `align` before arguments that do not start with a verb."""
        if not args:
            args = ["--help"]
        if args[0] not in VERBS and args[0] not in ("--help", "-h", "--version"):
            _check_typo(ctx, args[0])
            args = ["align", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; Ctrl-C is said by `_exit_code` alone, where click would add a line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise click.Abort from stop


def _check_typo(ctx: click.Context, word: str) -> None:
    near = difflib.get_close_matches(word, VERBS, n=1, cutoff=0.6)
    looks_like_a_file = word.startswith("-") or os.path.lexists(word) or Path(word).suffix
    if near and not looks_like_a_file:
        raise click.UsageError(
            f'"{word}" is neither a verb nor a file; did you mean "facealign {near[0]}"?', ctx
        )


@click.command(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    epilog="Without a verb, photos are aligned: facealign photo.jpg. Exit codes: 0 done, 1 a fault "
    "of facealign, 2 wrong usage, 3 some inputs failed, 4 no input could be read, 5 no usable "
    "model, 6 a photo without a face (--require-face), 7 training diverged, "
    "8 another process of a run ended, 130 interrupted.",
)
@click.version_option(__version__, message="facealign %(version)s")
def app() -> None:
    """Facial landmarks from any photo: small, offline, fast on a CPU."""


def run(args: list[str] | None = None) -> int:
    """Run the command line; the exit code. Afterwards signals, warnings and logs are as before."""
    with (
        Stop(at_once=True) as stop,
        usable_streams(),
        warnings.catch_warnings(),
        log_to_stderr() as lines,
    ):
        warnings.filterwarnings("ignore", module="PIL")  # notes on odd photos
        warnings.simplefilter("ignore", FutureWarning)  # between libraries, not for their users
        code = _exit_code(args, stop)
    if code == INTERRUPTED:
        _leave_stuck_threads(code)
    return 3 if code == 0 and lines.problems else code


def _leave_stuck_threads(code: int) -> None:
    """End the process now if a worker still hangs: Python would wait for it."""
    from facealign.aligner.many import THREADS

    if any(thread.name.startswith(THREADS) for thread in threading.enumerate()):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def load(args: Sequence[str]) -> None:
    """Import what the verb of these arguments needs."""
    word = args[0] if args else "--help"
    with suppress(Exception):  # what is wrong is said when the verb runs
        if word in VERBS or not word.startswith("--"):
            load_verb(word if word in VERBS else "align")


def _exit_code(args: list[str] | None, stop: Stop) -> int:
    """Run a verb; print any error as one line."""
    try:
        code = app.main(args=args, prog_name="facealign", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        return 2
    except click.UsageError as error:
        hint = f"; see: {error.ctx.command_path} --help" if error.ctx else ""
        return fail(error.format_message().rstrip(".") + hint, 2)
    except (KeyboardInterrupt, click.Abort):
        return fail("interrupted", INTERRUPTED)
    except SystemExit:  # click's answer to a closed pipe
        return 0
    except BrokenPipeError:  # the reader of our output has gone: nothing is wrong
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 0
    except FaceAlignError as error:
        return fail(str(error), EXIT_CODES.get(type(error), 2))
    except OSError as error:
        nowhere = isinstance(error, FileNotFoundError)  # of `os.getcwd`
        place = error.filename or ("the current folder" if nowhere else "standard output")
        return fail(f"{place}: {reason(error)}", 2)
    except Exception as error:
        if stop.asked:  # a library made another error of it
            return fail("interrupted", INTERRUPTED)
        if os.environ.get("FACEALIGN_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return fail(f"{what} (a fault of facealign; FACEALIGN_DEBUG=1 shows where)", 1)
