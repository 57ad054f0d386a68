"""A trained run as an ONNX file, in floating point or 8-bit integers, and back."""
