"""The trials that measure the pieces of training: each is another trial with one change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troubles import TROUBLES


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of the network of pieces.toml.

    Attributes:
        changes: changes to its settings.
        against: name of the trial without the piece; empty for a baseline.
        troubles: changes made to the held-out faces, measured beside the unchanged ones.
        start, teacher: names of the trials whose weights it starts from, or that teach it.
        length: its steps as a multiple of the common budget.
        data: what it is trained on, a name of `--root`.
        faces: number of faces to use, the first of a random order; 0 means all.
        further: other data to mix in, with their shares.
        seeds: number of runs.

    """

    changes: tuple[str, ...] = ()
    against: str = ""
    troubles: tuple[str, ...] = ()
    start: str = ""
    teacher: str = ""
    length: float = 1.0
    data: str = "300w"
    faces: int = 0
    further: tuple[tuple[str, float], ...] = ()
    seeds: int = 1

    def needs(self) -> set[str]:
        """Names of the data it is trained on."""
        return {self.data, *(name for name, _ in self.further)}


GONE_ON = "train.learning_rate=5e-4"
COVERED = ("1/4 covered", "sunglasses", "face mask")
TURNED = ("turned 20°", "turned 45°")
STRONG = (
    *("turn=15", "large_turn=0.1", "detector=true", "aspect=0.05", "occlude=0.3"),
    *("sunglasses=0.05", "face_mask=0.05", "shadow=0.2", "colour=0.25", "gray=0.1", "blur=0.1"),
    *("motion=0.1", "low_resolution=0.15", "noise=10", "jpeg=0.2"),
)
"""docs/training.md, "everything at once"; the rest is in pieces.toml."""
ALL = tuple(TROUBLES)[1:]


def fresh(*changes: str, against: str = "from nothing", troubles: tuple[str, ...] = ()) -> Trial:
    """The first trial with one change."""
    return Trial(changes=changes, against=against, troubles=troubles)


def gone_on(*changes: str, troubles: tuple[str, ...] = ()) -> Trial:
    """One change while "base" trains further: an untrained network fails under every trouble."""
    return Trial(
        changes=(GONE_ON, *(f"augment.{change}" for change in changes)),
        against="gone on",
        start="base",
        troubles=troubles,
    )


def mixed(*changes: str, share: float = 0.25, against: str = "gone on") -> Trial:
    """MERL-RAV's faces mixed in while "base" trains further."""
    return Trial(
        changes=(GONE_ON, *changes),
        against=against,
        start="base",
        further=(("merl", share),),
        troubles=(*COVERED, *TURNED),
    )


def few(against: str = "200 faces", **others: Any) -> Trial:
    """Few labelled faces, and a change that may help."""
    return Trial(faces=200, against=against, **others)


BASELINES = {
    "from nothing": Trial(troubles=ALL, seeds=3),
    "base": Trial(length=3.0),
    "gone on": Trial(changes=(GONE_ON,), start="base", troubles=ALL, seeds=3),
}
PICTURES = {
    "turns off": fresh("augment.turn=0", troubles=TURNED),
    "scale and shift off": fresh(
        "augment.scale=0", "augment.shift=0", troubles=("boxes astray", "YuNet's boxes")
    ),
    "mirror off": fresh("augment.mirror=0", troubles=("mirrored",)),
    "colour off": fresh("augment.colour=0", troubles=("other colours", "shadow", "gray")),
    "large turns": gone_on("large_turn=0.2", troubles=TURNED),
    "detector's boxes": gone_on("detector=true", troubles=("YuNet's boxes", "boxes astray")),
    "aspect": gone_on("aspect=0.05", troubles=("squeezed",)),
    "occluders": gone_on("occlude=0.3", troubles=COVERED),
    "sunglasses": gone_on("sunglasses=0.2", troubles=COVERED),
    "masks": gone_on("face_mask=0.2", troubles=COVERED),
    "shadows": gone_on("shadow=0.3", troubles=("shadow",)),
    "gray": gone_on("gray=0.2", troubles=("gray", "other colours")),
    "blur": gone_on("blur=0.3", troubles=("blurred", "motion", "1/3 resolution")),
    "motion": gone_on("motion=0.3", troubles=("motion", "blurred")),
    "low resolution": gone_on("low_resolution=0.3", troubles=("1/3 resolution", "blurred")),
    "noise": gone_on("noise=15", troubles=("noise",)),
    "JPEG": gone_on("jpeg=0.3", troubles=("JPEG 20", "noise")),
    "everything at once": gone_on(*STRONG, troubles=ALL),
}
LEARNING = {
    "sse": fresh("train.loss=sse"),
    "mse": fresh("train.loss=mse"),
    "l1": fresh("train.loss=l1"),
    "smooth l1": fresh("train.loss=smooth_l1"),
    "adam": fresh("train.optimiser=adam"),
    "adam, decay 0.001": fresh("train.optimiser=adam", "train.weight_decay=1e-3"),
    "clip": fresh("train.clip=1.0"),
    "warm-up": fresh("train.warmup=100"),
    "step": fresh("train.schedule=step"),
    "constant": fresh("train.schedule=constant"),
    "EMA": fresh("train.ema=0.99"),
    "EMA, constant": fresh("train.schedule=constant", "train.ema=0.99", against="constant"),
    "fourier off": fresh("model.fourier=false"),
    "spread": fresh("model.spread=true"),
    "spread, joint": fresh("model.spread=true", "train.spread_joint=true", against="spread"),
}
DATA = {
    "MERL-RAV mixed in": mixed(),
    "visibility": mixed("model.visibility=true", against="MERL-RAV mixed in"),
    "200 faces": few(against="from nothing"),
    "200 faces, MERL-RAV mixed in": few(further=(("merl", 1.0),)),
    "200 faces, AFLW mixed in": few(further=(("aflw", 1.0),)),
    "MERL-RAV alone": Trial(data="merl"),
    "200 faces, from MERL-RAV's weights": few(changes=(GONE_ON,), start="MERL-RAV alone"),
    "teacher": Trial(changes=("model.widths=[32, 64, 128, 256]",), length=1.5),
    "taught": Trial(teacher="teacher", against="from nothing"),
}
PRECISION = {
    "float32": Trial(changes=("train.precision=float32",), against="from nothing", seeds=3)
}
TRIALS = {**BASELINES, **PICTURES, **LEARNING, **DATA, **PRECISION}
"""Name → trial, each after those whose weights it needs."""
