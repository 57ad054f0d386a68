"""The weights of an exported file, under the names of a checkpoint, to train further.

An exported network has no batch normalisation: it is folded into the convolutions. Here every
convolution gets one that does nothing, and `take_statistics` then gives it those of the data
without changing the network's outputs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from facealign.errors import ModelError, SettingsError
from facealign.files import COPY, parsing
from facealign.models import ModelFacts, intact
from facealign.network.blocks import conv_std

PREFIX = "model."
"""Prefix of the weights' names in an exported file."""
NOT_OURS = "damaged, or not of facealign export"
EPS = nn.BatchNorm2d(1).eps
BATCH_NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm)


def read_weights(path: Path, map_relu: bool) -> tuple[dict[str, Tensor], ModelFacts]:
    """The weights of an exported file, named as in `AAN`'s state; without the early heads.

    `map_relu` is the setting of the network that gets them.

    Raises:
        ModelError: it is not one of ours.
        SettingsError: its maps have the other setting of `map_relu`.
    """
    try:
        proto = onnx.load(intact(path))
    except ModelError:
        raise
    except Exception as error:  # protobuf's own
        raise ModelError(f"{path}: not an ONNX file ({type(error).__name__}); {COPY}") from None
    facts = ModelFacts.from_metadata({p.key: p.value for p in proto.metadata_props}, str(path))
    weights: dict[str, Tensor] = {}
    with parsing(path, NOT_OURS, ModelError, COPY):
        layers = _layers(proto.graph)
        if not {"stem.conv", "trunk.stem"} & set(layers):
            raise ModelError(
                f"{path}: its layers are not those of an AAN; make one with: facealign export"
            )
        _check_maps(proto.graph, map_relu, path)
        for layer, (weight, bias) in layers.items():
            plain = {f"{layer}.weight": weight, f"{layer}.bias": bias}
            folded = weight.ndim == 4 and not layer.endswith(".maps")  # heatmaps: no batch norm
            weights |= _unfold(layer, weight, bias) if folded else plain
    return weights, facts


def _layers(graph: onnx.GraphProto) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution and linear layer by its name in the network.

    Layers are found by their inputs, not by the names of their biases: the exporter leaves out
    biases of zeros and writes equal ones once.
    """
    values = _constants(graph)
    layers: dict[str, tuple[Tensor, Tensor]] = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm") and node.input[1] in values:
            weight, *bias = (values[name] for name in node.input[1:])
            name = node.input[1].removeprefix(PREFIX).rpartition(".weight")[0]
            layers[name] = weight, bias[0] if bias else torch.zeros(len(weight))
    return layers


def _constants(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """All weights by the names of the layers' inputs, converted from 16 or 8 bits where needed."""
    values = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).astype(np.float32))
        for tensor in graph.initializer
    }
    for node in graph.node:
        given = [values[name] for name in node.input if name in values]
        if node.op_type == "Cast" and given:
            values[node.output[0]] = given[0]
        elif node.op_type == "DequantizeLinear" and len(given) == 3:  # of weights, by output
            steps, scale, zero = given
            shape = (-1, *[1] * (steps.ndim - 1))
            values[node.output[0]] = (steps - zero.view(shape)) * scale.view(shape)
    return values


def _check_maps(graph: onnx.GraphProto, map_relu: bool, path: Path) -> None:
    """Check that the ReLU before the maps' sigmoid is present or absent as the settings say.

    With it a sigmoid gets no value below 0: from a ReLU, or from 8 bits that start at 0. In 8 bits
    a map without the ReLU may by chance have no value below 0, so all maps count.
    """
    values, made_by = _constants(graph), {name: n for n in graph.node for name in n.output}
    with_relu: list[bool] = []
    for output in graph.output:
        if not output.name.startswith("attention."):
            continue
        node = made_by[output.name]
        while node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node = made_by[node.input[0]]
        before = made_by[node.input[0]]
        in_range = before.op_type == "DequantizeLinear" and not values[before.input[2]].any()
        with_relu.append(before.op_type == "Relu" or in_range)
    if with_relu and all(with_relu) != map_relu:
        raise SettingsError(
            f"{path}: its maps are {'without' if map_relu else 'with'} the ReLU: set "
            f"model.map_relu={str(not map_relu).lower()}"
        )


def _unfold(layer: str, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """A convolution as a convolution and a batch normalisation with the same result.

    The weights of each output get the norm of fresh weights: before a normalisation their norm
    only sets how fast they change at a given learning rate.
    """
    norm = weight.flatten(1).norm(dim=1).clamp_min(1e-12)
    usual = conv_std(weight) * weight[0].numel() ** 0.5
    scale = (usual / norm).clamp_min(2 * EPS**0.5)
    return {
        f"{layer}.0.weight": weight * scale.view(-1, 1, 1, 1),
        f"{layer}.1.weight": torch.ones_like(bias),
        f"{layer}.1.bias": bias,
        f"{layer}.1.running_mean": torch.zeros_like(bias),
        f"{layer}.1.running_var": scale.square() - EPS,
        f"{layer}.1.num_batches_tracked": torch.tensor(0),
    }


@torch.no_grad()
def take_statistics(model: nn.Module, images: Sequence[Tensor]) -> None:
    """Give each batch normalisation the statistics of its input, of batches (B, 3, S, S).

    The running statistics do not come from data yet; the outputs stay the same.
    """
    layers = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
    sums = {layer: torch.zeros(3, layer.num_features, dtype=torch.float64) for layer in layers}

    def add(layer: Any, inputs: tuple[Tensor]) -> None:
        """Add the count, sum and sum of squares (C,) of a layer's input."""
        rows = inputs[0].double().movedim(1, 0).flatten(1)
        ones = torch.full((len(rows),), rows.shape[1], device=rows.device)
        sums[layer] += torch.stack([ones, rows.sum(dim=1), rows.square().sum(dim=1)]).cpu()

    hooks = [layer.register_forward_pre_hook(add) for layer in layers]
    model.eval()
    for image in images:
        model(image)
    for hook in hooks:
        hook.remove()
    for layer, (count, total, squares) in sums.items():
        mean = total / count
        _move_to(layer, mean, (squares / count - mean.square()).clamp_min(0))


def _move_to(layer: nn.BatchNorm2d | nn.SyncBatchNorm, mean: Tensor, variance: Tensor) -> None:
    """New statistics, with the scale and shift that undo the difference."""
    old_mean, old_variance = layer.running_mean, layer.running_var
    assert old_mean is not None
    assert old_variance is not None
    mean, variance = mean.to(old_mean), variance.to(old_mean)
    step = layer.weight / (old_variance + layer.eps).sqrt()
    layer.bias.add_(step * (mean - old_mean))
    layer.weight.copy_(step * (variance + layer.eps).sqrt())
    old_mean.copy_(mean)
    old_variance.copy_(variance)
