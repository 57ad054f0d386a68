"""The Attentional Alignment Network in PyTorch. Needs the "train" extra."""

from facealign.network.aan import AAN as AAN
from facealign.network.head import HeadOutput as HeadOutput, Prediction as Prediction
from facealign.network.heatmap_teacher import HeatmapTeacher as HeatmapTeacher
from facealign.network.pretrained import (
    PretrainedAAN as PretrainedAAN,
    PretrainedTeacher as PretrainedTeacher,
)
from facealign.network.settings import AANSettings as AANSettings

Network = AAN | PretrainedAAN | HeatmapTeacher | PretrainedTeacher


def build_network(settings: AANSettings) -> Network:
    """An untrained network: the paper's, or on the trunk and with the head of the settings."""
    if settings.trunk != "stages":
        return PretrainedTeacher(settings) if settings.heatmaps else PretrainedAAN(settings)
    return HeatmapTeacher(settings) if settings.heatmaps else AAN(settings)
