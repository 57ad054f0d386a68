"""What is known of a face that was found: `Face`, its pose, aligned crops, measures."""

from facealign.face.face import Face as Face, FaceCrop as FaceCrop, ImageResult as ImageResult
from facealign.face.pose import Pose as Pose
