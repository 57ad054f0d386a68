"""Programs made with PyInstaller: it finds our hook by the entry point `pyinstaller40`."""

from pathlib import Path


def hook_folders() -> list[str]:
    """Where PyInstaller finds `hook-facealign.py`."""
    return [str(Path(__file__).parent / "hooks")]
