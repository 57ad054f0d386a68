"""Point schemes: how many points, what each means, and which is whose mirror image.

Left and right are the subject's own: the subject's left eye is on the right of an unmirrored photo.
"""

from facealign.markup.conversion import Conversion, load_conversion, targets
from facealign.markup.known import MARKUPS, load_markup
from facealign.markup.scheme import Markup

__all__ = ["MARKUPS", "Conversion", "Markup", "load_conversion", "load_markup", "targets"]
