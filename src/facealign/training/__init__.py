"""Training an AAN. Needs the "train" extra (PyTorch)."""
