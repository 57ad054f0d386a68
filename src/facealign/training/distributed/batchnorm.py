"""Batch normalisation over all processes, or with frozen statistics.

The layers keep the names and shapes of `nn.BatchNorm2d`, so checkpoints fit all of them.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.training.distributed.processes import rank, sum_up, world


def fit_batch_norm(model: nn.Module, mode: str) -> None:
    """Replace a model's layers according to `train.batch_norm`; the model is on its device."""
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    if mode == "frozen":
        for layer in layers:
            layer.requires_grad_(False).__class__ = FrozenBatchNorm
    elif mode == "sync" and world() > 1 and next(model.parameters()).is_cuda:
        # PyTorch's own needs a GPU.
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    elif mode == "sync" and world() > 1:
        for layer in layers:  # whose parameters and buffers stay the same
            layer.__class__ = SyncBatchNorm


class FrozenBatchNorm(nn.BatchNorm2d):
    """Normalises by the running statistics even in training, and does not learn."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class SyncBatchNorm(nn.BatchNorm2d):
    """Normalises over the rows of all processes, an equal number each; on any device."""

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # it exchanges tensors
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        count = world() * x.numel() // x.shape[1]
        with torch.no_grad():
            mean, variance = _moments_of_all(x)
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * (count / max(1, count - 1)), self.momentum or 0.0)
        normal: Tensor = _Normalise.apply(x, self.weight, self.bias, mean, variance, self.eps)  # type: ignore[no-untyped-call]
        return normal


def _moments_of_all(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) in float32 over the rows of all processes.

    From the mean and variance of each: sums of squares lose precision where the mean is large.
    """
    variance, mean = torch.var_mean(x.float(), dim=(0, 2, 3), correction=0)
    table = mean.new_zeros(world(), 2, len(mean))
    table[rank(), 0], table[rank(), 1] = mean, variance
    means, variances = sum_up(table).unbind(dim=1)
    whole = means.mean(dim=0)
    return whole, (variances + (means - whole).square()).mean(dim=0)


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + ε) · weight + bias, with mean and variance over all rows."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, eps: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, var)
        ctx.eps = eps
        return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """For x also through mean and variance; for weight and bias from this process's rows."""
        x, weight, mean, variance = ctx.saved_tensors
        above = gradients[0]
        scale = (variance + ctx.eps).rsqrt()
        centred = x.float() - mean.view(-1, 1, 1)
        of_bias = above.float().sum(dim=(0, 2, 3))
        of_weight = (above.float() * centred).sum(dim=(0, 2, 3)) * scale
        whole = sum_up(torch.stack([of_bias, of_weight])) / (world() * x.numel() // x.shape[1])
        rest = whole[0].view(-1, 1, 1) + centred * (whole[1] * scale).view(-1, 1, 1)
        below = (above.float() - rest) * (weight * scale).view(-1, 1, 1)
        return below.to(x.dtype), of_weight, of_bias, None, None, None
