"""The Attentional Alignment Network in PyTorch. Needs the "train" extra."""

from facealign.network.aan import AAN as AAN
from facealign.network.build import Network as Network, build_network as build_network
from facealign.network.head import HeadOutput as HeadOutput, Prediction as Prediction
from facealign.network.heatmap_teacher import HeatmapTeacher as HeatmapTeacher
from facealign.network.pretrained_aan import PretrainedAAN as PretrainedAAN
from facealign.network.pretrained_teacher import PretrainedTeacher as PretrainedTeacher
from facealign.network.settings import AANSettings as AANSettings
