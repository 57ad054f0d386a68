"""Every setting that results depend on: to make an aligner, and to resume a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facealign.aligner.aligner import FaceAligner
from facealign.detector import WholeImage
from facealign.files import sha256
from facealign.models import DEVICES, model_path
from facealign.yunet import YuNet


@dataclass(frozen=True, kw_only=True)
class AlignSettings:
    """How photos are aligned.

    Attributes:
        model: as `FaceAligner` takes it.
        markup: the point scheme; None takes the model's first.
        whole_image: every photo is one tight face crop.
        min_face: side of the smallest face to look for, in pixels.
        upright: no face is turned or leans, so one plain pass is enough.
        device: what the networks run on, one of `models.DEVICES`.
        min_confidence: drop detected faces with a lower `Face.confidence`.
    """

    model: str = "default"
    markup: str | None = None
    whole_image: bool = False
    min_face: float = 20.0
    upright: bool = False
    device: str = "cpu"
    min_confidence: float = 0.0

    def aligner(self, threads: int | None) -> FaceAligner:
        """An aligner with these settings; None lets ONNX Runtime choose its `threads`.

        Raises:
            ModelError: the model is missing, damaged or not one of ours.
            SettingsError: the model cannot give the points of `markup`, or the device cannot be
                used here.
        """
        providers = DEVICES[self.device]
        detector = (
            WholeImage()
            if self.whole_image
            else YuNet(min_face=self.min_face, threads=threads, providers=providers)
        )
        return FaceAligner(
            self.model,
            detector,
            threads,
            turned_faces=not self.upright,
            leaning_faces=not self.upright,
            markup=self.markup,
            providers=providers,
            min_confidence=self.min_confidence,
        )

    def record(self) -> dict[str, Any]:
        """The settings as plain values, the model by its sha256: equal settings give equal results.

        Raises:
            ModelError: the model is missing or damaged.
        """
        return recorded(asdict(self))


def recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, with `model` and `device`, as they are written beside results."""
    values = {name.replace("_", "-"): value for name, value in settings.items()}
    if values["device"] == "cpu":  # as in runs from before there was a choice
        del values["device"]
    return values | {"model": sha256(model_path(values["model"]))}
