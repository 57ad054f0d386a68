"""Photo → faces: `FaceAligner` finds boxes, cuts crops, runs the network, maps points back."""

from facealign.aligner.aligner import FaceAligner, align
from facealign.aligner.landmarker import Found

__all__ = ["FaceAligner", "Found", "align"]
