"""What PyInstaller cannot see: models, recipes and pages, and modules that are named in texts.

Training is left out, with PyTorch; a program that needs it names `facealign.training` itself.
"""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

from facealign.cli.doctor import PACKAGES, RUNTIMES

LEFT_OUT = ("training", "network", "reproduce", "ray_data", "pyinstaller")


def _wanted(name: str) -> bool:
    return name.split(".")[1:2] not in [[part] for part in LEFT_OUT]


datas = collect_data_files("facealign")
for package in (*PACKAGES, *RUNTIMES):  # their versions, for `facealign doctor`
    with suppress(PackageNotFoundError):
        datas += copy_metadata(package)
hiddenimports = collect_submodules("facealign", filter=_wanted)
excludedimports = ["torch", "onnx", "onnxscript", "tensorboard"]
