"""What is known of a face that was found: `Face`, its pose, aligned crops, measures."""

from facealign.face.face import Face, FaceCrop, ImageResult
from facealign.face.pose import Pose

__all__ = ["Face", "FaceCrop", "ImageResult", "Pose"]
