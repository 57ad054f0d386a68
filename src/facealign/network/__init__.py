"""The Attentional Alignment Network in PyTorch. Needs the "train" extra."""

from facealign.network.aan import AAN
from facealign.network.build import Network, build_network
from facealign.network.head import HeadOutput, Prediction
from facealign.network.heatmap_teacher import HeatmapTeacher
from facealign.network.pretrained_aan import PretrainedAAN
from facealign.network.pretrained_teacher import PretrainedTeacher
from facealign.network.settings import AANSettings

__all__ = [
    "AAN",
    "AANSettings",
    "HeadOutput",
    "HeatmapTeacher",
    "Network",
    "Prediction",
    "PretrainedAAN",
    "PretrainedTeacher",
    "build_network",
]
