"""YuNet, the bundled face detector.

`detector.py` decides where to look, `network.py` looks: at whole images, made smaller, and at
patches of them.
"""

from facealign.yunet.detector import YuNet as YuNet
