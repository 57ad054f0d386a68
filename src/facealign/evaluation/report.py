"""Predictions and labels → scores; errors stay per face until the last line of `score`."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign import metrics
from facealign.datasets import DATASETS
from facealign.errors import DataError
from facealign.evaluation.predictions import Predictions
from facealign.markup import Conversion, Markup, load_conversion, load_markup, targets
from facealign.types import Sample

THRESHOLD = 0.08
"""Of `auc_08` and `failure_rate_08`."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of one subset; every error is a fraction and names its normaliser.

    Attributes:
        dataset, subset, markup: which faces, with which points.
        box_source: where the boxes came from.
        count: faces in all.
        missed: faces that the detector did not find.
        nme_inter_ocular, nme_inter_pupil, nme_point_pair, nme_box_size, nme_box_diagonal: the mean
            over the faces that were found and define it; NaN where the markup does not define
            the normaliser.
        defined: normaliser → on how many faces it is defined: without an eye there is no distance
            between the eyes.
        normaliser: what the four numbers below are by.
        auc_08: area under the cumulative error distribution up to 0.08, over all faces.
        failure_rate_08: share of all faces over 0.08; a missed face is a failure.
        intervals: normaliser → the 95 % interval of its NME, by bootstrap over groups.
        regions: face region → NME of its points.
    """

    dataset: str
    subset: str
    markup: str
    box_source: str
    count: int
    missed: int
    nme_inter_ocular: float
    nme_inter_pupil: float
    nme_point_pair: float
    nme_box_size: float
    nme_box_diagonal: float
    defined: dict[str, int]
    normaliser: str
    auc_08: float
    failure_rate_08: float
    intervals: dict[str, tuple[float, float]]
    regions: dict[str, float]

    @property
    def nme(self) -> float:
        """The NME by `normaliser`."""
        return self.nmes[self.normaliser]

    @property
    def nmes(self) -> dict[str, float]:
        """Normaliser → NME, of those that the markup defines."""
        return {name: float(getattr(self, f"nme_{name}")) for name in self.intervals}

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; None for what is not defined."""
        return dict(_without_nan(asdict(self)))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@dataclass(frozen=True, eq=False)
class Matched:
    """Predictions beside the truth of the same faces, in the predictions' order.

    Attributes:
        predicted, truth: (N, K, 2) float64, image pixels; predicted 0 where a face was missed.
        labelled: (N, K).
        boxes: (N, 4) of the samples.
        found: (N,).
        groups: (N,) names.
        markup: of both.
    """

    predicted: metrics.Array
    truth: metrics.Array
    labelled: NDArray[np.bool_]
    boxes: metrics.Array
    found: NDArray[np.bool_]
    groups: list[str]
    markup: Markup

    def distance(self, normaliser: str) -> metrics.Array:
        """(N,) pixels: what the errors are divided by; NaN where the face does not define it."""
        return metrics.distances(normaliser, self.truth, self.labelled, self.boxes, self.markup)

    def nmes(self, normaliser: str) -> metrics.Array:
        """(N,) the NME of each face; NaN where it was missed or is not defined."""
        values = metrics.nme(self.predicted, self.truth, self.labelled, self.distance(normaliser))
        return np.where(self.found, values, np.nan)

    def ranked(self, normaliser: str) -> metrics.Array:
        """The same over all faces that define it; infinite for a missed face."""
        values = np.where(self.found, self.nmes(normaliser), np.inf)
        return values[self.defines(normaliser)]

    def defines(self, normaliser: str) -> NDArray[np.bool_]:
        """(N,) the face has a labelled point, and the eye points that the normaliser needs."""
        return self.labelled.any(axis=1) & ~np.isnan(self.distance(normaliser))


def match(samples: Sequence[Sample], predictions: Predictions) -> Matched:
    """Put each prediction beside the sample with the same id.

    Where predictions and labels use different point schemes, the labels are converted.

    Raises:
        DataError: there is no prediction, an id is unknown, or the labels do not mark what is
            predicted.
    """
    by_id = {sample.id: sample for sample in samples}
    unknown = [name for name in predictions.ids if name not in by_id]
    if unknown or not predictions.ids:
        what = f'"{unknown[0]}" is not a face of the data set' if unknown else "there are none"
        raise DataError(f"predictions do not match: {what}; give the data set they were made from")
    faces = [by_id[name] for name in predictions.ids]
    labels = _labels_as(predictions, faces[0].markup)
    truth = labels.points(np.stack([face.landmarks for face in faces]))
    return Matched(
        predicted=np.nan_to_num(predictions.landmarks.astype(np.float64)),
        truth=truth.astype(np.float64),
        labelled=labels.visible(np.stack([face.labelled for face in faces])),
        boxes=np.stack([face.box for face in faces]).astype(np.float64),
        found=predictions.found,
        groups=[face.group for face in faces],
        markup=load_markup(labels.target),
    )


def _labels_as(predictions: Predictions, labelled: str) -> Conversion:
    """The conversion from the labels' point scheme to the predictions', usually the same."""
    target, count = predictions.markup or labelled, predictions.landmarks.shape[1]
    if target not in targets(labelled) or load_markup(target).count != count:
        scheme = predictions.markup or f"{count} points"
        raise DataError(
            f"the predictions are {scheme}, but the data set is {labelled}, which does not have "
            f"them; it can be scored as {', '.join(targets(labelled))}"
        )
    return load_conversion(labelled, target)


def score(
    samples: Sequence[Sample],
    predictions: Predictions,
    dataset: str,
    subset: str,
    normaliser: str | None = None,
) -> Report:
    """Score predictions against the samples with the same ids; other samples are left out.

    `normaliser` is for the AUC, the failures and the regions; None takes the data set's usual one,
    or for an unknown data set the first that the markup defines.

    Raises:
        DataError: the predictions are for other faces or in a point scheme that the labels do not
            have, or the markup does not define the normaliser.
    """
    matched = match(samples, predictions)
    defined = metrics.normalisers_of(matched.markup)
    usable = [name for name in defined if matched.defines(name).any()]
    chosen = normaliser or _usual(dataset, matched.markup, usable or list(defined))
    if chosen not in defined:
        raise DataError(
            f"{matched.markup.name} does not define {chosen}: choose one of {', '.join(defined)}"
        )
    if chosen not in usable:
        raise DataError(f"no face of {dataset} {subset} has the points that {chosen} needs")
    found = matched.found
    values = {name: matched.nmes(name) for name in defined}
    means = {f"nme_{n}": metrics.mean(values.get(n, np.zeros(0))) for n in metrics.NORMALISERS}
    ranked = matched.ranked(chosen)
    return Report(
        dataset=dataset,
        subset=subset,
        markup=matched.markup.name,
        box_source=predictions.box_source,
        count=len(found),
        missed=int((~found).sum()),
        defined={name: int(matched.defines(name).sum()) for name in defined},
        normaliser=chosen,
        auc_08=metrics.auc(ranked, THRESHOLD),
        failure_rate_08=metrics.failure_rate(ranked, THRESHOLD),
        intervals={n: metrics.bootstrap_interval(values[n], matched.groups) for n in defined},
        regions=metrics.region_nme(
            matched.predicted[found],
            matched.truth[found],
            matched.labelled[found],
            matched.distance(chosen)[found],
            matched.markup,
        ),
        **means,
    )


def _usual(dataset: str, markup: Markup, defined: Sequence[str]) -> str:
    """A scheme's own normaliser, else the data set's usual one, else the first that is defined."""
    known = DATASETS[dataset].normalisers if dataset in DATASETS and not markup.normaliser else ()
    return next((name for name in (*known, *defined) if name in defined), defined[0])
