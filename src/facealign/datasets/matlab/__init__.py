"""MATLAB files: `matfile.py` has them read by `child.py`, in a process of its own."""
