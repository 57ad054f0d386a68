"""Options that several verbs share, each declared once; those of data sets: `data_options`."""

import math
import os
from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from PIL import Image

from facealign.errors import DataError, FaceAlignError, OutputError
from facealign.files import check_folder, check_place, is_file, is_folder, sweep
from facealign.image import SUFFIXES
from facealign.markup import load_markup
from facealign.models import DEFAULT, DEVICES
from facealign.types import MOST_THREADS

Function = TypeVar("Function", bound=Callable[..., Any])

model_option = click.option(
    "--model",
    default="default",
    show_default=DEFAULT,
    is_eager=True,  # known before --help, which lists what it gives
    metavar="NAME",
    help="A bundled model, or an .onnx file.",
)
device_option = click.option(
    "--device",
    type=click.Choice(list(DEVICES)),
    default="cpu",
    help="What the networks run on; all but cpu need another ONNX Runtime.",
)
measures_option = click.option(
    "--measures", is_flag=True, help="Also write how far eyes and mouth are open, and the pose."
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, MOST_THREADS),
    metavar="N",
    help="Photos at a time; default: one a core.",
)
INPUT_FOLDERS = frozenset({"root", "run", "source", "sources"})
"""Arguments that may be a folder of labels, results, or a run's files."""


def model_options(function: Function) -> Function:
    """`--model`, and how and how many photos at a time it sees."""
    return model_option(how_options(function))


def how_options(function: Function) -> Function:
    """How a model sees photos, and how many at a time."""
    for option in (max_megapixels_option, threads_option(), workers_option, device_option):
        function = option(function)
    return function


def photo_arguments(required: bool) -> Callable[[Function], Function]:
    """`PHOTO...`."""
    return click.argument("photos", nargs=-1, required=required, metavar="PHOTO...")


def output_path(
    *names: str, metavar: str, help: str, required: bool = False
) -> Callable[[Function], Function]:
    """An option that names what is written: a file or folder, never an input of the command.

    What must not be replaced is refused before the work starts; half-written files of killed runs
    are removed.
    """
    option = click.option(*names, type=Path, required=required, metavar=metavar, help=help)
    words = [name for name in names if not name.startswith("-")] or [names[-1].lstrip("-")]

    def decorate(function: Function) -> Function:
        @wraps(function)
        def checked(*args: Any, **values: Any) -> Any:
            target = values.get(words[0])
            if isinstance(target, Path) and str(target) != "-":
                others = {k: v for k, v in values.items() if k != words[0]}
                refuse_inputs(names[0], target, others)
                # What looks like a URL is for the verb to accept or refuse.
                if not (is_folder(target) or "".join(target.parts[:1]).endswith(":")):
                    check_folder(target.parent)
                    check_place(target)
                sweep(target if is_folder(target) else target.parent)
            return function(*args, **values)

        return option(cast(Function, checked))

    return decorate


def refuse_inputs(option: str, target: Path, others: Mapping[str, Any]) -> None:
    """Refuse an output that is also named elsewhere in the same command, or lies in such a folder.

    A new file may lie there, and in `INPUT_FOLDERS` a picture or model takes the place of its like.
    """
    if is_folder(target) or str(target) == "-":
        return
    place = Path(os.path.realpath(target))
    known = place.suffix.lower() in SUFFIXES | {".onnx"} or not is_file(place)
    for name, value in others.items():
        for each in value if isinstance(value, tuple) else (value,):
            if not isinstance(each, str | Path):
                continue
            path = Path(os.path.realpath(each))
            inside = name in INPUT_FOLDERS and path in place.parents and not known
            if inside or (path == place and is_file(each)):
                raise OutputError(
                    f"{option} {target} would overwrite an input ({name}): give another name"
                )


def output_option(
    metavar: str, help: str, required: bool = False
) -> Callable[[Function], Function]:
    """`-o FILE` or `-o DIR`."""
    return output_path("-o", "--output", required=required, metavar=metavar, help=help)


json_option = output_path(
    "--json", "target", metavar="FILE", help="Also write the results as JSON."
)


class FiniteRange(click.FloatRange):
    """A number in a range, and no "nan" or "inf", which Python reads as numbers."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that a word stands for."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def min_face_option(large: str) -> Callable[[Function], Function]:
    """`--min-face PX`, for what may be `large`: "photos" or "videos"."""
    return click.option(
        "--min-face",
        type=FiniteRange(16),
        default=20.0,
        metavar="PX",
        help=f"Smallest face to look for; a larger one is faster on large {large}.",
    )


def port_option(default: int) -> Callable[[Function], Function]:
    """`--port N`."""
    return click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=default,
        metavar="N",
        help="0: any that is free.",
    )


class _Markup(click.Option):
    """`--markup NAME`, whose help lists what the chosen model can give."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        model = ctx.params.get("model")
        if record is None or model is None:
            return record
        try:
            return record[0], f"{record[1]} Of this model: {', '.join(given_by(model))}."
        except FaceAlignError:
            return record


def given_by(model: str) -> list[str]:
    """The point schemes that a model gives, by a head of its own or by conversion."""
    from facealign.aligner import FaceAligner

    return FaceAligner(model, threads=1).facts.offered


def _load(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of the scheme, known from then on; without one, it is said what the model gives."""
    if value is None:
        return None
    model = context.params.get("model")
    if model not in (None, "default"):
        given_by(model)  # whose own schemes are known from here on
    try:
        return load_markup(value).name
    except DataError as error:
        if value.lower().endswith(".toml") or model is None:
            raise
        raise DataError(
            f'unknown markup "{value}": the model {model} gives {", ".join(given_by(model))}; or '
            "give the .toml file of a point scheme"
        ) from error


def markup_option(
    help: str = "Point scheme; default: the model's.",
) -> Callable[[Function], Function]:
    """`--markup NAME|FILE`."""
    return click.option("--markup", cls=_Markup, metavar="NAME|FILE", callback=_load, help=help)


labels_markup_option = markup_option(
    "Point scheme of labels that do not name it: a name, or a .toml file."
)


def threads_option(
    help: str = "Threads within one photo; default: 1, or all cores for a single photo.",
    default: int | None = None,
) -> Callable[[Function], Function]:
    """`--threads N`."""
    return click.option(
        "--threads", type=click.IntRange(1, MOST_THREADS), metavar="N", default=default, help=help
    )


def _limit_size(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None:
        context.call_on_close(partial(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS))
        Image.MAX_IMAGE_PIXELS = math.ceil(value * 1e6 / 2)  # Pillow refuses beyond twice this
    return value


max_megapixels_option = click.option(
    "--max-megapixels",
    type=FiniteRange(0, min_open=True),
    metavar="MP",
    expose_value=False,
    callback=_limit_size,
    help="Refuse larger photos, as they fill the memory; default: 179.",
)
