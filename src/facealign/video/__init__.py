"""Videos: their frames in, their faces followed, a drawn video out (PyAV, extra `video`)."""

from facealign.video.follow import TrackedFrame, track
from facealign.video.reading import Frame, VideoReader
from facealign.video.writing import VideoWriter

__all__ = ["Frame", "TrackedFrame", "VideoReader", "VideoWriter", "track"]
