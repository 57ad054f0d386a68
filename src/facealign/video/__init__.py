"""Videos: their frames in, their faces followed, a drawn video out (PyAV, extra `video`)."""

from facealign.video.follow import TrackedFrame as TrackedFrame, track as track
from facealign.video.reading import Frame as Frame, VideoReader as VideoReader
from facealign.video.writing import VideoWriter as VideoWriter
