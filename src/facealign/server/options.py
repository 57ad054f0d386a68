"""The query parameters of `/v1/align`."""

from collections.abc import Mapping
from dataclasses import dataclass

from facealign.markup import MARKUPS, known_markup
from facealign.models import DEFAULT, bundled
from facealign.server.problem import Problem

LIMITS = {"min_face": (8, 10_000), "max_faces": (1, 1_000)}
NAMES = ("model", "markup", *LIMITS, "measures")
FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request asks for.

    Attributes:
        model: a bundled one's name; a path only where the server was started with it.
        markup: the point scheme; None takes the model's first.
        min_face: side of the smallest face to look for, in pixels.
        max_faces: at most that many, the most certain; None gives all.
        measures: also the openness of eyes and mouth.
    """

    model: str
    markup: str | None = None
    min_face: int = 20
    max_faces: int | None = None
    measures: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str], model: str) -> "Options":
        """Read them from a query; `model` where it names none.

        Raises:
            Problem: 422, a name or a value is not one of those offered.
        """
        unknown = sorted(set(query) - set(NAMES))
        if unknown:
            raise _refused(unknown[0][:40], "unknown", NAMES)
        given = query.get("model", model)
        if "model" in query and given not in (choices := ("default", *bundled())):
            raise _refused("model", given, choices)
        markup = query.get("markup")
        if markup is not None and not known_markup(markup):
            raise _refused("markup", markup, tuple(MARKUPS))
        flag = query.get("measures", "false").lower()
        if flag not in FLAGS:
            raise _refused("measures", flag, tuple(FLAGS))
        return cls(
            model=DEFAULT if given == "default" else given,
            markup=markup,
            min_face=_number(query, "min_face") or 20,
            max_faces=_number(query, "max_faces"),
            measures=FLAGS[flag],
        )


def _refused(name: str, value: str, choices: tuple[str, ...]) -> Problem:
    return Problem(422, f'query parameter {name}: "{value[:40]}"; choose {", ".join(choices)}')


def _number(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    low, high = LIMITS[name]
    text = query[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        detail = f'query parameter {name}: "{text[:40]}" is not a whole number of {low} to {high}'
        raise Problem(422, detail)
    return int(text)
