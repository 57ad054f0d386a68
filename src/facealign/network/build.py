"""From settings to a network."""

from facealign.network.aan import AAN
from facealign.network.heatmap_teacher import HeatmapTeacher
from facealign.network.pretrained_aan import PretrainedAAN
from facealign.network.pretrained_teacher import PretrainedTeacher
from facealign.network.settings import AANSettings

Network = AAN | PretrainedAAN | HeatmapTeacher | PretrainedTeacher


def build_network(settings: AANSettings) -> Network:
    """An untrained network: the paper's, or on the trunk and with the head of the settings."""
    if settings.trunk != "stages":
        return PretrainedTeacher(settings) if settings.heatmaps else PretrainedAAN(settings)
    return HeatmapTeacher(settings) if settings.heatmaps else AAN(settings)
