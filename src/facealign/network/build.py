"""From settings to a network."""

from __future__ import annotations

from facealign.network.aan import AAN
from facealign.network.heatmap_teacher import HeatmapTeacher
from facealign.network.settings import AANSettings

Network = AAN | HeatmapTeacher


def build_network(settings: AANSettings) -> Network:
    """An untrained network: the paper's, or with `AANSettings.heatmaps` the teacher."""
    return HeatmapTeacher(settings) if settings.heatmaps else AAN(settings)
