"""The point schemes of the public data sets.

Each is a list of point names for each region; the mirror order follows from the names.
"""

from types import MappingProxyType

from facealign.markup.scheme import Markup

Parts = dict[str, list[str]]
"""Region → the names of its points."""


def _numbered(name: str, first: int, last: int) -> list[str]:
    """`name_first … name_last`, counting up or down."""
    step = 1 if first <= last else -1
    return [f"{name}_{i}" for i in range(first, last + step, step)]


def _eye(side: str, lid: int) -> list[str]:
    """The outline of an eye, clockwise in the photo, from its corner on the left of the photo."""
    inwards = [f"{side}_eye_outer", *_numbered(f"{side}_eye_upper", 1, lid), f"{side}_eye_inner"]
    if side == "right":
        return inwards + _numbered("right_eye_lower", lid, 1)
    return inwards[::-1] + _numbered("left_eye_lower", 1, lid)


def _brow(side: str, count: int) -> list[str]:
    return _numbered(f"{side}_brow", *((1, count) if side == "right" else (count, 1)))


def _nose() -> Parts:
    nostrils = ["right_nostril_1", "right_nostril_2", "nose_base"]
    return {
        "nose_bridge": [*_numbered("nose_bridge", 1, 3), "nose_tip"],
        "nose_base": [*nostrils, "left_nostril_2", "left_nostril_1"],
    }


def _lips() -> Parts:
    top = [*_numbered("right_lip_top", 1, 2), "lip_top", *_numbered("left_lip_top", 2, 1)]
    bottom = [
        *_numbered("left_lip_bottom", 1, 2),
        "lip_bottom",
        *_numbered("right_lip_bottom", 2, 1),
    ]
    inner_top = ["right_inner_top", "inner_top", "left_inner_top"]
    inner_bottom = ["left_inner_bottom", "inner_bottom", "right_inner_bottom"]
    return {
        "outer_lip": ["right_mouth_corner", *top, "left_mouth_corner", *bottom],
        "inner_lip": ["right_mouth_inner", *inner_top, "left_mouth_inner", *inner_bottom],
    }


def _jaw(side: int) -> list[str]:
    return [*_numbered("right_jaw", 1, side), "chin", *_numbered("left_jaw", side, 1)]


IBUG51: Parts = {
    "right_brow": _brow("right", 5),
    "left_brow": _brow("left", 5),
    **_nose(),
    "right_eye": _eye("right", 2),
    "left_eye": _eye("left", 2),
    **_lips(),
}
WFLW98: Parts = {
    "jaw": _jaw(16),
    "right_brow": [*_numbered("right_brow_upper", 1, 5), *_numbered("right_brow_lower", 4, 1)],
    "left_brow": [*_numbered("left_brow_upper", 5, 1), *_numbered("left_brow_lower", 1, 4)],
    **_nose(),
    "right_eye": _eye("right", 3),
    "left_eye": _eye("left", 3),
    **_lips(),
    "right_pupil": ["right_pupil"],
    "left_pupil": ["left_pupil"],
}
AFLW19: Parts = {
    "right_brow": ["right_brow_outer", "right_brow_middle", "right_brow_inner"],
    "left_brow": ["left_brow_inner", "left_brow_middle", "left_brow_outer"],
    "right_eye": ["right_eye_outer", "right_eye_centre", "right_eye_inner"],
    "left_eye": ["left_eye_inner", "left_eye_centre", "left_eye_outer"],
    "nose": ["right_nose", "nose_tip", "left_nose"],
    "mouth": ["right_mouth_corner", "mouth_centre", "left_mouth_corner"],
    "chin": ["chin"],
}
CELEBA5 = [
    "right_eye_centre",
    "left_eye_centre",
    "nose_tip",
    "right_mouth_corner",
    "left_mouth_corner",
]
COFW_ORDER = (
    "right_brow_outer left_brow_outer right_brow_inner left_brow_inner "
    "right_brow_upper right_brow_lower left_brow_upper left_brow_lower "
    "right_eye_outer left_eye_outer right_eye_inner left_eye_inner "
    "right_eye_upper right_eye_lower left_eye_upper left_eye_lower right_pupil left_pupil "
    "right_nose left_nose nose_tip nose_base right_mouth_corner left_mouth_corner "
    "lip_top inner_top inner_bottom lip_bottom chin"
)


def _cofw29() -> Parts:
    parts: Parts = {}
    for side in ("right", "left"):
        parts[f"{side}_brow"] = [f"{side}_brow_{p}" for p in ("outer", "upper", "inner", "lower")]
        parts[f"{side}_eye"] = [f"{side}_eye_{p}" for p in ("outer", "upper", "inner", "lower")]
        parts[f"{side}_pupil"] = [f"{side}_pupil"]
    outer_lip = ["right_mouth_corner", "lip_top", "left_mouth_corner", "lip_bottom"]
    return {
        **parts,
        "nose": ["right_nose", "nose_base", "left_nose"],
        "nose_tip": ["nose_tip"],
        "outer_lip": outer_lip,
        "inner_lip": ["inner_top", "inner_bottom"],
        "chin": ["chin"],
    }


def _markup(name: str, parts: Parts, closed: str = "", order: str = "") -> Markup:
    """A scheme from its regions; `order` lists the points where it is not that of the regions."""
    names = order.split() or [point for points in parts.values() for point in points]
    return Markup(name, names, groups=parts, outline=closed.split())


MARKUPS: MappingProxyType[str, Markup] = MappingProxyType(
    {
        markup.name: markup
        for markup in (
            _markup("ibug68", {"jaw": _jaw(8), **IBUG51}, "right_eye left_eye outer_lip inner_lip"),
            _markup("ibug51", IBUG51, "right_eye left_eye outer_lip inner_lip"),
            _markup(
                "wflw98", WFLW98, "right_brow left_brow right_eye left_eye outer_lip inner_lip"
            ),
            _markup(
                "cofw29", _cofw29(), "right_brow left_brow right_eye left_eye outer_lip", COFW_ORDER
            ),
            _markup("aflw19", AFLW19),
            _markup("celeba5", {name: [name] for name in CELEBA5}),
        )
    }
)
"""Every known point scheme by name."""
