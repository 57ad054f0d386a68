"""Photo → faces: `FaceAligner`.

`aligner.py` is the class; `found.py` finds faces, turned ones too; `landmarker.py` cuts each crop
(`Landmarker.crop`), runs the network and maps the points back; `many.py` is for many photos,
`settings.py` for runs.
"""

from facealign.aligner.aligner import FaceAligner as FaceAligner, align as align
from facealign.aligner.found import Found as Found
