"""The result of one photo, whatever state the photo is in."""

from __future__ import annotations

import os
from collections.abc import Callable

from facealign.errors import FaceAlignError
from facealign.face import Face, ImageResult
from facealign.image import ImageSource, read_image
from facealign.types import Pixels


def photo_result(
    name: str, load: Callable[[], ImageSource], find: Callable[[Pixels], list[Face]]
) -> tuple[ImageResult, Pixels | None]:
    """The result, and the upright photo; None if it failed, with the reason in the result.

    Args:
        name: of the photo, for the result.
        load: gives what `read_image` takes; called here, so that its errors are those of the photo.
        find: the faces of an (H, W, 3) RGB image.

    """
    try:
        image = read_image(load())
        faces = find(image)
    except (FaceAlignError, OSError) as error:
        return ImageResult(name, None, None, [], str(error)), None
    except Exception as error:  # no photo may end a long run
        if os.environ.get("FACEALIGN_DEBUG"):
            raise
        what = f"{name}: {type(error).__name__}: {error}"
        why = f"{what} (a fault of the program; FACEALIGN_DEBUG=1 shows where)"
        return ImageResult(name, None, None, [], why), None
    return ImageResult(name, image.shape[1], image.shape[0], faces), image
