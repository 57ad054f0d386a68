"""Point schemes: the number of points, what each means, and its mirror image.

Left and right are the subject's: the left eye is on the right of an unmirrored photo.
"""

from facealign.markup.conversion import Conversion, load_conversion, targets
from facealign.markup.known import MARKUPS, load_markup
from facealign.markup.scheme import Markup

__all__ = ["MARKUPS", "Conversion", "Markup", "load_conversion", "load_markup", "targets"]
