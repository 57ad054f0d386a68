"""Which side of the face a name says: `left_ear`, `earRight`, `l_eye`."""

import re

SIDE = re.compile(
    r"(?<![A-Za-z])(?:left|right|Left|Right|LEFT|RIGHT|l|r|L|R)(?![A-Za-z])"
    r"|(?<=[a-z])(?:Left|Right)(?![a-z])"
    r"|(?<![A-Za-z])(?:left|right|Left|Right)(?=[A-Z])"
)
"""The word for a side within a name; in "bright" or "hair" there is none."""
OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
OTHER |= {other: one for one, other in OTHER.items()}


def other_side(name: str) -> str:
    """The name with left and right exchanged.

    >>> other_side("left_eye"), other_side("earRight"), other_side("l_brow"), other_side("nose")
    ('right_eye', 'earLeft', 'r_brow', 'nose')
    """
    return SIDE.sub(lambda found: OTHER[found.group()], name)


def side_of(name: str) -> str | None:
    """The side that a name says, "left" or "right"; None where the name says neither.

    >>> side_of("earRight"), side_of("l_brow"), side_of("nose")
    ('right', 'left', None)
    """
    found = SIDE.search(name)
    return None if found is None else "left" if found.group()[0] in "lL" else "right"
