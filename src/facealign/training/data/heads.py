"""A head of the network for each point scheme of the data."""

import dataclasses
from collections.abc import Sequence

from facealign.errors import DataError
from facealign.markup import load_markup
from facealign.network.settings import AANSettings
from facealign.training.settings import Settings

DEFAULT_POINTS = AANSettings().points
"""What `model.points` is where nobody sets it."""


def fit_heads(settings: Settings, markups: Sequence[str]) -> Settings:
    """The settings with a head for each point scheme of the data; `model.points` follows it.

    Raises:
        DataError: `model.points` or `model.further` says something else.
    """
    first, *others = (load_markup(name).count for name in markups)
    model = settings.model
    if model.points not in (first, DEFAULT_POINTS):
        raise DataError(
            f"{settings.data.dataset} has {first} points, but model.points is {model.points}: "
            "leave it out, or name the right data.markup"
        )
    if model.draws_heatmaps and others:
        raise DataError(
            f"a teacher with heatmaps has one head, for {markups[0]}: leave out the data sets of "
            f"{', '.join(markups[1:])}"
        )
    if model.further not in ((), tuple(others)):
        raise DataError(f"model.further is {list(model.further)}, but the data has {others}")
    fitted = dataclasses.replace(model, points=first, further=tuple(others))
    return dataclasses.replace(settings, model=fitted)
