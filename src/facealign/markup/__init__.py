"""Point schemes: the number of points, what each means, and its mirror image.

Left and right are the subject's: the left eye is on the right of an unmirrored photo.
"""

from facealign.markup.conversion import (
    Conversion as Conversion,
    load_conversion as load_conversion,
    targets as targets,
)
from facealign.markup.known import (
    MARKUPS as MARKUPS,
    is_own as is_own,
    known_markup as known_markup,
    load_markup as load_markup,
    own_scheme as own_scheme,
    read_markup as read_markup,
    scheme_of_dict as scheme_of_dict,
    scheme_of_names as scheme_of_names,
)
from facealign.markup.scheme import Markup as Markup
