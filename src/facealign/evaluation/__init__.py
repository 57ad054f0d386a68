"""Predict once, score any number of times: landmarks of a data set → `Predictions` → `Report`."""

from facealign.evaluation.predictions import (
    Predictions,
    predict,
    predict_face,
    read_predictions,
    write_predictions,
)
from facealign.evaluation.report import Matched, Report, match, score

__all__ = [
    "Matched",
    "Predictions",
    "Report",
    "match",
    "predict",
    "predict_face",
    "read_predictions",
    "score",
    "write_predictions",
]
