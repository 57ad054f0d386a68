"""Point schemes: the number of points, what each means, and its mirror image.

Left and right are the subject's: the left eye is on the right of an unmirrored photo.
"""

from facealign.markup.conversion import Conversion, load_conversion, targets
from facealign.markup.known import MARKUPS
from facealign.markup.own import (
    is_own,
    known_markup,
    load_markup,
    own_scheme,
    read_markup,
    scheme_of_dict,
    scheme_of_names,
)
from facealign.markup.scheme import Markup

__all__ = [
    "MARKUPS",
    "Conversion",
    "Markup",
    "is_own",
    "known_markup",
    "load_conversion",
    "load_markup",
    "own_scheme",
    "read_markup",
    "scheme_of_dict",
    "scheme_of_names",
    "targets",
]
