"""The Attentional Alignment Network in PyTorch. Needs the "train" extra."""

from facealign.network.aan import AAN, AANSettings, Prediction

__all__ = ["AAN", "AANSettings", "Prediction"]
