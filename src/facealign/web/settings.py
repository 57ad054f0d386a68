"""`settings.json`: what the JavaScript needs to know, taken from the Python that decides it."""

from dataclasses import asdict
from typing import Any

import facealign
from facealign import exposure
from facealign.aligner import blank, confidence, crops, landmarker
from facealign.face.pose import generic_face
from facealign.markup import MARKUPS, Markup
from facealign.models import DEFAULT, ModelCard, ModelFacts, bundled, model_path
from facealign.session import Session
from facealign.tracking import matching, patches, registration, smoothing, track, tracker
from facealign.yunet import YuNet, detector, network


def page_settings() -> dict[str, Any]:
    """Constants, models and point schemes as plain values.

    Raises:
        ModelError: a bundled model is missing or damaged.
    """
    filters = {name: asdict(getattr(smoothing, name)) for name in ("LIVE_SHAPE", "QUICK", "CALM")}
    return {
        "version": facealign.__version__,
        "default": DEFAULT,
        "models": {name: _model(card) for name, card in bundled().items()},
        "detector": {"file": "models/yunet.onnx", "constants": _detector()},
        "exposure": _constants(exposure),
        "confidence": _constants(confidence),
        "blank": _constants(blank),
        "landmarker": _constants(landmarker, crops),
        "tracker": _constants(tracker) | {"CUT": patches.CUT},
        "track": _constants(track, matching),
        "registration": _constants(registration, patches),
        "smoothing": _constants(smoothing) | filters,
        "markups": {name: _markup(markup) for name, markup in MARKUPS.items()},
        "generic_faces": {
            name: {"indices": indices.tolist(), "places": places.tolist()}
            for name, (indices, places) in ((name, generic_face(name)) for name in MARKUPS)
        },
    }


def _model(card: ModelCard) -> dict[str, Any]:
    path = model_path(card.name)
    session = Session(path, threads=1)
    facts = ModelFacts.from_metadata(session.metadata, str(path))
    return asdict(facts) | {
        "file": f"models/{path.name}",
        "bytes": path.stat().st_size,
        "terms": card.terms,
        "outputs": session.outputs,
    }


def _constants(*holders: object) -> dict[str, Any]:
    """The numbers that modules or classes have under names in capitals."""
    return {
        name: value
        for holder in holders
        for name, value in vars(holder).items()
        if name.isupper() and isinstance(value, int | float | tuple | dict)
    }


def _detector() -> dict[str, Any]:
    usual = YuNet(threads=1)
    given = {"min_score": usual.min_score, "min_face": usual.min_face}
    return _constants(YuNet, detector, network, exposure) | given


def _markup(markup: Markup) -> dict[str, Any]:
    return {
        "count": markup.count,
        "names": markup.names,
        "groups": dict(markup.groups),
        "closed": sorted(markup.closed),
        "eye_corners": markup.eye_corners,
        "quick": smoothing.quick_points(markup.name).tolist(),
        "inner": patches.inner_points(markup.name).tolist(),
    }
