"""Landmarks of one photo, and a picture of them: python examples/one_photo.py photo.jpg."""

import sys
from pathlib import Path

import numpy as np

import facealign

photo = sys.argv[1]
for face in facealign.align(photo):
    right, left = face.landmarks[36:42].mean(axis=0), face.landmarks[42:48].mean(axis=0)
    print(f"score {face.score:.2f}, eyes {np.linalg.norm(left - right):.1f} pixels apart")

image = facealign.read_image(photo)
facealign.write_image(facealign.draw_faces(image, facealign.align(image)), Path("drawn.png"))
