"""The result of one photo, in whatever state the photo is."""

import os
from collections.abc import Callable

from facealign.aligner.room import Room
from facealign.errors import FaceAlignError
from facealign.face import Face, ImageResult
from facealign.image import ImageSource, Photo, open_image
from facealign.types import Pixels


def photo_result(
    name: str,
    load: Callable[[], ImageSource],
    find: Callable[[Photo, Pixels], list[Face]],
    room: Room,
) -> ImageResult:
    """The result; a photo that fails in any step has the reason in it.

    Args:
        name: of the photo, for the result.
        load: gives what `open_image` takes; called here, so that its errors are those of the photo.
        find: the faces of the photo, of which the pixels are (H, W, 3) RGB; what else it does with
            them, such as drawing, it does while there is room.
        room: shared with the other workers.

    """
    try:
        photo = open_image(load())
        with room.hold(photo.width * photo.height, name):
            image = photo.decode()
            height, width = image.shape[:2]
            return ImageResult(name, width, height, find(photo, image))
    except (FaceAlignError, OSError) as error:
        return ImageResult(name, None, None, [], str(error))
    except Exception as error:  # no photo may end a long run
        if os.environ.get("FACEALIGN_DEBUG"):
            raise
        what = f"{name}: {type(error).__name__}: {error}"
        why = f"{what} (a fault of the program; FACEALIGN_DEBUG=1 shows where)"
        return ImageResult(name, None, None, [], why)
