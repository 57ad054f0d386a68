"""Models by name: their files, their cards, and the facts inside every ONNX file."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from facealign.errors import DataError, ModelError, SettingsError
from facealign.files import digest, is_file, packaged, parsing, present, reading, sha256
from facealign.markup import Markup, load_markup, targets

WEIGHTS = packaged("weights")
DEFAULT, BEST_AAN = "heatmap-m", "aan-m"
"""The bundled model with the smallest error, and the best one of the paper's network (an AAN)."""
RANGES = {"input_size": (8, 4096), "mean": (-10, 10), "std": (1e-6, 1e6), "margin": (-0.45, 10)}
"""Range of each number in the metadata of a file, ends included."""
DEVICES = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "openvino": ("OpenVINOExecutionProvider", "CPUExecutionProvider"),
    "directml": ("DmlExecutionProvider", "CPUExecutionProvider"),
    "coreml": ("CoreMLExecutionProvider", "CPUExecutionProvider"),
}
"""Device → the execution providers of ONNX Runtime; the last runs what the first cannot."""
SCORE_RADIUS = 0.03
"""The score of a point is the probability that it is at most this far off, in sides of the crop:
about a tenth of the distance between the outer eye corners."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The metadata of an ONNX file: all that is needed to run it.

    Attributes:
        name: of the model.
        markup: name of its point scheme.
        input_size: side of the square RGB crop in pixels.
        mean, std: the network sees (value / 255 - mean) / std.
        margin: added by the crop on each side of a box, as a fraction of the box size.
        trained_on: the data that the weights were trained on.
        licence: terms of the weights.
        version: of the facealign that made the file.
        attention_stages: the stages whose maps the file gives, from 1; empty if not stated.
        further_markups: point schemes of its further heads, whose outputs are called
            "landmarks.NAME".
        schemes: the point schemes that are not built in, as JSON: a list of `Markup.to_dict`.
    """

    name: str
    markup: str
    input_size: int
    mean: float
    std: float
    margin: float
    trained_on: str
    licence: str
    version: str
    attention_stages: tuple[int, ...] = ()
    further_markups: tuple[str, ...] = ()
    schemes: str = ""

    @property
    def markups(self) -> tuple[str, ...]:
        """The point schemes of its heads, the default first."""
        return (self.markup, *self.further_markups)

    @property
    def offered(self) -> list[str]:
        """The point schemes that it gives, by a head of its own or by conversion."""
        return list(dict.fromkeys([*self.markups, *(t for m in self.markups for t in targets(m))]))

    def head_for(self, markup: str) -> str:
        """The scheme of the head with the points of `markup`, or with points that convert to them.

        Raises:
            SettingsError: there is none; the message lists what the model knows.
        """
        if markup in self.markups:
            return markup
        for head in self.markups:
            if markup in targets(head):
                return head
        raise SettingsError(
            f'the model {self.name} cannot give "{markup}" points: choose one of '
            f"{', '.join(self.offered)}"
        )

    def to_metadata(self) -> dict[str, str]:
        """The facts as ONNX metadata: strings by name, without empty lists."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        texts = {
            name: " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in values.items()
            if value != () and not (name == "schemes" and value == "")
        }
        return {f"facealign.{name}": text for name, text in texts.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: str) -> "ModelFacts":
        """The facts in an ONNX file's metadata.

        Raises:
            ModelError: an entry is missing, unreadable or out of range; `source` names the file.
        """
        kinds: dict[Any, Callable[[str], Any]] = {
            str: str,
            int: int,
            float: float,
            tuple[int, ...]: lambda text: tuple(int(word) for word in text.split()),
            tuple[str, ...]: lambda text: tuple(text.split()),
        }
        values: dict[str, Any] = {}
        for f in fields(cls):
            text = metadata.get(f"facealign.{f.name}")
            if text is None and f.default is not MISSING:
                continue  # files made before the entry existed
            if text is None:
                raise ModelError(
                    f'{source}: not a facealign model: its metadata lack "facealign.{f.name}"; '
                    "make one with: facealign export"
                )
            place = f'{source}: metadata "{f.name}"'
            try:
                values[f.name] = kinds[f.type](text)
            except ValueError:
                raise ModelError(f'{place} is not a number: "{text}"') from None
            low, high = RANGES.get(f.name, (-math.inf, math.inf))
            if f.name in RANGES and not low <= values[f.name] <= high:  # also of NaN
                raise ModelError(
                    f"{place} is {text}, not in {low} … {high}: damaged, or not a facealign model; "
                    "make one with: facealign export"
                )
        _know_schemes(values.get("schemes", ""), source)
        return cls(**values)


def _know_schemes(text: str, source: str) -> None:
    """Make the point schemes of a model known by their names."""
    try:
        for content in json.loads(text or "[]"):
            load_markup(Markup.from_dict(content, source))
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f'{source}: metadata "schemes" is damaged ({error})') from None
    except DataError as error:
        raise ModelError(f"{source}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A bundled model; `docs/models.md` describes it in words.

    Attributes:
        name: of the model.
        file: its file in the folder `weights`.
        sha256: of the file.
        points: the number of points.
        nme: normaliser → NME, a fraction.
        measured_on: the faces that `nme` was measured on.
        ms: milliseconds from a box to its points, one thread, on the machine that bundled it.
        terms: of the weights, in a few words.
        trained_on: the data that the weights were trained on.
    """

    name: str
    file: str
    sha256: str
    points: int
    nme: dict[str, float]
    measured_on: str
    ms: float
    terms: str
    trained_on: str

    @property
    def path(self) -> Path:
        """The ONNX file."""
        return WEIGHTS / self.file


def bundled() -> dict[str, ModelCard]:
    """Every bundled model by name."""
    path = present(WEIGHTS / "models.toml")
    with reading(path, ModelError), parsing(path, "damaged; install facealign again", ModelError):
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: ModelCard(name=name, **card) for name, card in tree.items()}


def model_path(model: str | Path) -> Path:
    """The ONNX file of a bundled model by name, or your own by path.

    Raises:
        ModelError: neither a bundled name nor a file, or the file is damaged.
    """
    cards = bundled()
    name = DEFAULT if model == "default" else str(model)
    if name in cards:
        return checked(cards[name].path, cards[name].sha256)
    if is_file(model):
        return intact(Path(model))
    raise ModelError(
        f'"{model}" is neither a bundled model ({", ".join(cards)}) nor a model file; '
        "make one with: facealign export RUN -o model.onnx"
    )


def checked(path: Path, wanted: str) -> Path:
    """The path of a bundled file, its content checked.

    Raises:
        ModelError: the file is missing or damaged.
    """
    if sha256(present(path)) != wanted:
        raise ModelError(f"{path}: damaged (its sha256 differs); install facealign again")
    return path


DIGEST = b"\x0a\x10facealign.sha256\x12\x40"
"""An entry of an ONNX file's metadata, as protobuf writes its key and the length of its value."""
ENTRY = b"\x72" + bytes([len(DIGEST) + 64]) + DIGEST


def signed(content: bytes) -> bytes:
    """An ONNX file with the sha256 of all that is before it as the last entry of its metadata."""
    return content + ENTRY + digest([content]).encode()


def unsigned(content: bytes) -> bytes:
    """An ONNX file without the digest that `signed` adds, for whoever changes the file."""
    body, entry, _ = content.rpartition(ENTRY)
    return body if entry else content


def intact(path: Path) -> Path:
    """The path of an ONNX file whose content is what its digest says; older files have none.

    Raises:
        ModelError: the file cannot be read, or is not what was exported.
    """
    with reading(path, ModelError):
        content = path.read_bytes()
    body, entry, stated = content.rpartition(ENTRY)
    if entry and digest([body]).encode() != stated:
        raise ModelError(
            f"{path}: damaged, or changed since its export (its sha256 differs): copy it again, or "
            "make one with: facealign export"
        )
    return path
