"""Faces followed from frame to frame, each under a number of its own."""

from facealign.tracking.tracker import FaceTracker as FaceTracker
