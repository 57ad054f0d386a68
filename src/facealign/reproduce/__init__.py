"""The paper's tables and figures: its own rows, today's published ones, and ours as measured."""
