"""The paper's tables and figures: its own rows, later published ones, and our measurements."""
