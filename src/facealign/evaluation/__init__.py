"""Predict once, score any number of times: landmarks of a data set → `Predictions` → `Report`."""

from facealign.evaluation.predictions import (
    Predictions as Predictions,
    predict as predict,
    predict_face as predict_face,
    read_predictions as read_predictions,
    write_predictions as write_predictions,
)
from facealign.evaluation.report import (
    Matched as Matched,
    Report as Report,
    match as match,
    score as score,
)
