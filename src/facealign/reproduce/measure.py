"""Our own numbers: models run on the data sets at hand, or stored predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.aligner.settings import AlignSettings
from facealign.datasets import Reading, load_dataset, read_dataset
from facealign.errors import DataError, FaceAlignError
from facealign.evaluation import Matched, Predictions, Report, match, predict, score
from facealign.models import BEST_AAN
from facealign.types import Progress, Sample, silent

Track = Callable[[str], Progress]
"""A task's name → what wraps the loop over its faces."""


@dataclass(frozen=True)
class Roots:
    """The folders of the data sets: `NAME=DIR`, or a bare DIR.

    A bare DIR is a data set, or holds folders named after data sets. Options are passed to the
    readers that have them.
    """

    given: tuple[str, ...]
    options: Mapping[str, str | int] = field(default_factory=dict)

    def read(self, dataset: str, subset: str) -> Reading:
        """The faces of a subset, from the first folder that holds it.

        Raises:
            DataError: none holds it; the message says why.
        """
        reasons: list[str] = []
        known = load_dataset(dataset).options
        options = {key: value for key, value in self.options.items() if key in known}
        split = [root.partition("=") for root in self.given]
        named = [Path(folder) for name, equals, folder in split if equals and name == dataset]
        bare = [Path(root) for root, equals, _ in split if not equals]
        inside = [root / dataset for root in bare if (root / dataset).is_dir()]
        for folder in named or inside + bare:
            try:
                return read_dataset(dataset, folder, subset, **options)
            except DataError as error:
                reasons.append(str(error))
        raise DataError(reasons[0] if reasons else f"no data: give --root {dataset}=DIR")


@dataclass
class Measurer:
    """Runs every model once on a subset and keeps its predictions.

    Attributes:
        roots: of the data sets.
        models: names or files.
        kept: stored predictions, used instead of running the models.
        boxes: "official" or "detector".
        threads: of ONNX Runtime.
        track: shows the progress.
    """

    roots: Roots
    models: Sequence[str] = (BEST_AAN,)
    kept: Sequence[Predictions] = ()
    boxes: str = "official"
    threads: int | None = None
    track: Track = lambda name: silent
    _aligners: dict[str, FaceAligner] = field(default_factory=dict, repr=False)

    def aligner(self, model: str) -> FaceAligner:
        """The model, opened once; one plain pass for each face, as papers measure."""
        if model not in self._aligners:
            settings = AlignSettings(model=model, upright=True)
            self._aligners[model] = settings.aligner(self.threads)
        return self._aligners[model]

    def reports(self, dataset: str, subset: str, normaliser: str) -> dict[str, Report]:
        """Model → its scores on a subset.

        Raises:
            DataError: the data is missing, or no model has its points.
        """
        return {
            made.model: score(samples, made, dataset, subset, normaliser)
            for samples, made in self._predicted(dataset, subset)
        }

    def matched(self, dataset: str, subset: str) -> dict[str, Matched]:
        """Model → its predictions with the labels, for curves; raises as `reports` does."""
        found = self._predicted(dataset, subset)
        return {made.model: match(samples, made) for samples, made in found}

    def _predicted(self, dataset: str, subset: str) -> list[tuple[list[Sample], Predictions]]:
        """The faces of a subset with the stored predictions, or else with those of each model."""
        reading = self.roots.read(dataset, subset)
        if not reading.samples:
            raise DataError(f"{dataset} {subset}: no face could be read")
        samples, names = reading.samples, (reading.dataset, reading.subset)
        title = " ".join(names)
        found = [p for p in self.kept if (p.dataset, p.subset) == names]
        if not self.kept:
            fitting = [a for a in map(self.aligner, self.models) if a.markup == samples[0].markup]
            made = (predict(samples, a, self.boxes, self.track(title), *names) for a in fitting)
            found = [predictions for predictions in made if predictions.ids]
        if not found:
            what = "no predictions of it" if self.kept else "no model with its points"
            raise DataError(f"{title} ({samples[0].markup}): {what} given")
        return [(samples, predictions) for predictions in found]


def reason_of(error: FaceAlignError) -> str:
    """Why a part could not be made, in one line."""
    return " ".join(str(error).split())
