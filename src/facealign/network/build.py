"""From settings to a network."""

from __future__ import annotations

from facealign.network.aan import AAN
from facealign.network.heatmap_teacher import HeatmapTeacher
from facealign.network.pretrained_teacher import PretrainedTeacher
from facealign.network.settings import AANSettings

Network = AAN | HeatmapTeacher | PretrainedTeacher


def build_network(settings: AANSettings) -> Network:
    """An untrained network: the paper's, or the teacher that `heatmaps` or `trunk` asks for."""
    if settings.trunk != "stages":
        return PretrainedTeacher(settings)
    return HeatmapTeacher(settings) if settings.heatmaps else AAN(settings)
