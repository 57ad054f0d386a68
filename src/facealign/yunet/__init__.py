"""YuNet, the bundled face detector.

`detector.py` decides where to look, `network.py` looks: at whole images, made smaller by
`reduction.py`, and at patches of them.
"""

from facealign.yunet.detector import YuNet as YuNet
