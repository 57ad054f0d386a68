"""A trained run → one ONNX file that carries everything needed to use it."""

import copy
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import facealign
from facealign.errors import DataError, ModelError
from facealign.files import write_file
from facealign.markup import own_scheme
from facealign.models import SCORE_RADIUS, ModelFacts, signed
from facealign.network import Network
from facealign.session import Session
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.export.quantize import to_integers
from facealign.training.rundir.checkpoint import load_checkpoint, network_of
from facealign.training.rundir.folder import best_checkpoint
from facealign.training.settings_file import to_settings
from facealign.types import Floats

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference between PyTorch and ONNX, of landmarks in 0 … 1 and of maps in 0 … 1."""


class Deployed(nn.Module):
    """An AAN as its users see it: landmarks over the crop's sides, and the maps of the stages.

    | tensor      | shape                | unit                                                 |
    |-------------|----------------------|------------------------------------------------------|
    | image       | (B, 3, S, S)         | (RGB / 255 - mean) / std                             |
    | landmarks   | (B, K, 2)            | 0 … 1 from the crop's outer corner: ·S - ½ is pixels |
    | scores      | (B, K)               | probability that the landmark is `SCORE_RADIUS` near |
    | visible     | (B, K)               | probability that the point can be seen               |
    | attention.s | (B, 1, S/2^s, S/2^s) | 0 … 1, of the stage s                                |

    Scores, visible and attention are there where the network has them. A further head's outputs
    carry the name of its point scheme: "landmarks.aflw19". The maps keep the network's size:
    ONNX Runtime computes every output, used or not.
    """

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def names(self, further: Sequence[str] = ()) -> list[str]:
        """The outputs' names, in order, with the point schemes of the further heads."""
        settings = self.model.settings
        names: list[str] = []
        for suffix in ("", *(f".{name}" for name in further)):
            own = {"landmarks": True, "scores": settings.spread, "visible": settings.visibility}
            names += [name + suffix for name, there in own.items() if there]
        return names + [f"attention.{stage}" for stage in settings.stages_with_maps]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, S, S) → the outputs in the order of `names`."""
        prediction = self.model(image)
        outputs: list[Tensor] = []
        for head in prediction.heads:
            outputs.append(head.landmarks + 0.5)
            if head.log_scale is not None:
                outputs.append(_nearness(head.log_scale))
            if head.visibility is not None:
                outputs.append(torch.sigmoid(head.visibility))
        return (*outputs, *prediction.attention)


def _nearness(log_scale: Tensor) -> Tensor:
    """P(r < `SCORE_RADIUS`) under the density exp(-r / b) / (2π b²): 1 - (1 + t/b) exp(-t/b)."""
    ratio = SCORE_RADIUS * torch.exp(-log_scale)
    return 1 - (1 + ratio) * torch.exp(-ratio)


def export_run(
    run: Path,
    target: Path,
    licence: str | None = None,
    markups: Sequence[str] = (),
    faces: Floats | None = None,
) -> ModelFacts:
    """Write the best weights of a run as ONNX.

    The early heads are left out, batch normalisation is folded into the convolutions, large weights
    are rounded to 16 bits, and the batch size is free. Without a validation part the last weights
    are taken.

    Args:
        run: the run's folder, or one of its checkpoints.
        target: the ONNX file.
        licence: the terms of the weights, kept inside the file; None takes the run's setting.
        markups: the point schemes whose heads to export, in this order; none exports all. NE is
            most of a file, and every head has its own.
        faces: (N, 3, S, S) `calibration_faces` for a file in 8-bit integers; None keeps floating
            point.

    Raises:
        DataError: there is no checkpoint, or it has no head for one of `markups`.
        ModelError: ONNX Runtime and PyTorch disagree by more than `TOLERANCE`, or 8-bit integers
            and floating point by more than `integers.APART`.
        OutputError: the file cannot be written.
    """
    state = load_checkpoint(best_checkpoint(run))
    settings = to_settings(state["settings"], str(run))
    model = network_of(state, run)
    spread = getattr(model.heads[0], "spread", None)
    if spread is not None:  # scaled by the factor fitted on the held-out faces
        spread.bias.data += math.log(max(state["spread_scale"], 1e-3))
    _choose_heads(model, state, markups)
    schemes = [scheme for name in state["markups"] if (scheme := own_scheme(name))]
    facts = ModelFacts(
        name=settings.name,
        markup=state["markups"][0],
        input_size=settings.model.input_size,
        mean=MEAN,
        std=STD,
        margin=settings.data.margin,
        trained_on=state["trained_on"],
        licence=licence or settings.licence,
        version=facealign.__version__,
        attention_stages=settings.model.stages_with_maps,
        further_markups=tuple(state["markups"][1:]),
        schemes=json.dumps(schemes) if schemes else "",
    )
    content = to_onnx(model, facts)
    check_parity(model, content)
    if faces is not None:
        content = to_integers(content, faces)
    write_file(target, signed(content))
    return facts


def _choose_heads(model: Network, state: dict[str, Any], markups: Sequence[str]) -> None:
    """Remove all other heads from the model and from the state's list of point schemes."""
    known = state["markups"]
    if lacking := [name for name in markups if name not in known]:
        raise DataError(f"the run has no head for {lacking[0]}: its heads are {', '.join(known)}")
    if markups:
        model.heads = nn.ModuleList(model.heads[known.index(name)] for name in markups)
        state["markups"] = list(markups)


def to_onnx(model: Network, facts: ModelFacts) -> bytes:
    """The network as an ONNX file with its metadata."""
    deployed = Deployed(_fold(model)).eval()
    image = torch.zeros(2, 3, facts.input_size, facts.input_size)
    names = deployed.names(facts.further_markups)
    with _quiet():
        program = torch.onnx.export(
            deployed,
            (image,),
            input_names=["image"],
            output_names=names,
            dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = _reloaded(program)
    _halve(proto.graph)
    onnx.helper.set_model_props(proto, facts.to_metadata())
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def check_parity(model: Network, content: bytes, faces: int = 3) -> float:
    """The largest difference between the network, rounded, and ONNX Runtime, on random images.

    Raises:
        ModelError: it exceeds `TOLERANCE`.
    """
    deployed = Deployed(_fold(model)).eval()
    size = model.settings.input_size
    image = torch.randn(faces, 3, size, size, generator=torch.Generator().manual_seed(0))
    session = Session(content)
    with torch.no_grad():
        expected = deployed(image)
    given = session.run(session.outputs, {"image": image.numpy()})
    pairs = zip(expected, given, strict=True)
    worst = max(float(np.abs(e.numpy() - g).max()) for e, g in pairs)
    if not worst <= TOLERANCE:
        raise ModelError(
            f"not exported: ONNX Runtime and PyTorch differ by {worst:.2g}, more than {TOLERANCE}"
        )
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's notes on torchvision and on PyTorch's own deprecated calls."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            yield
    finally:
        logger.setLevel(before)


def _reloaded(program: torch.onnx.ONNXProgram) -> onnx.ModelProto:
    """The program as a plain protobuf; its own is a read-only view."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        program.save(path, external_data=False)
        proto = onnx.load(path)
    for node in proto.graph.node:  # the exporter writes local source paths into the nodes
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    del proto.graph.value_info[:]
    return proto


def _halve(graph: onnx.GraphProto) -> None:
    """Store the large weights in 16 bits, half the space; ONNX Runtime converts them when it loads.

    `_fold` has rounded them, so nothing is lost here.
    """
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        widen = onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, widen)


SMALL = 256
"""Weights with fewer values stay in 32 bits, such as biases."""


def _fold(model: Network) -> Network:
    """A copy in eval mode whose batch normalisations are part of their convolutions, rounded."""
    copied = copy.deepcopy(model).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for head in copied.heads:
        head.early = nn.ModuleList()
    for module in copied.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Sequential) and isinstance(child[-1], nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(child[0], child[1]))  # type: ignore[type-var, arg-type]
    for weight in copied.parameters():
        if weight.numel() >= SMALL:
            weight.data = weight.data.half().float()
    assert isinstance(copied, Network)
    return copied
