"""Training an AAN. Needs the "train" extra (PyTorch); packing faces into shards does not."""
