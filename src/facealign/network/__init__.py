"""The Attentional Alignment Network in PyTorch. Needs the "train" extra."""

from facealign.network.aan import AAN, Prediction
from facealign.network.head import HeadOutput
from facealign.network.settings import AANSettings

__all__ = ["AAN", "AANSettings", "HeadOutput", "Prediction"]
