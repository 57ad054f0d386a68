"""Photo → faces: `FaceAligner` finds boxes, cuts crops, runs the network, maps points back."""

from facealign.aligner.aligner import FaceAligner, align

__all__ = ["FaceAligner", "align"]
