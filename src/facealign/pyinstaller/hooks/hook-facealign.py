"""What PyInstaller cannot see: models, recipes and pages, and modules that are named in texts.

Training is left out, with PyTorch; a program that needs it names `facealign.training` itself.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

LEFT_OUT = ("training", "network", "reproduce", "ray_data", "pyinstaller")


def _wanted(name: str) -> bool:
    return name.split(".")[1:2] not in [[part] for part in LEFT_OUT]


datas = collect_data_files("facealign")
hiddenimports = collect_submodules("facealign", filter=_wanted)
excludedimports = ["torch", "onnx", "onnxscript", "tensorboard"]
