"""Several processes that train one network: ranks, sums, and shared weights.

`torchrun`, or `launch`, starts them and gives each its rank in the environment. In a single process
every function here returns what it is given, so the code of a run is the same for one and many.
"""

import contextlib
import datetime
import inspect
import logging
import math
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from facealign.errors import DataError, FaceAlignError, ProcessError, SettingsError
from facealign.training.settings import TrainSettings

T = TypeVar("T")
_PLACE = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""Variables that torchrun sets in the environment of each process."""


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads() -> bool:
    """Whether this process is the leading one, which alone writes files and prints."""
    return rank() == 0


def launch(arguments: Sequence[str], processes: int, grace: float) -> int:
    """Run `python -m facealign` in several processes, as `torchrun --standalone` does.

    A signal to stop is passed on to all of them; each may take `grace` seconds to finish its step
    and save. If one fails, the others are stopped. The exit code is 0, 130 after a signal, or that
    of the process that failed first.
    """
    # Imported here, as it takes a tenth of a second.
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in list(logging.root.manager.loggerDict):  # each has its own level
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        shutdown_timeout=math.ceil(grace),
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "facealign", *arguments)
    except SignalException:
        return 128 + signal.SIGINT
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        return failure.exitcode if failure.exitcode > 0 else 1  # a signal killed it
    return 0


@contextlib.contextmanager
def joined(train: TrainSettings) -> Iterator[bool]:
    """Join the process group that torchrun has started; False where it has started none.

    Raises:
        ProcessError: another process ended, or did not answer within `train.timeout`.
        SettingsError: this machine has more processes than GPUs.
    """
    if not all(name in os.environ for name in _PLACE):
        yield False
        return
    gpu = train.device != "cpu" and torch.cuda.is_available()
    place, beside = int(os.environ["LOCAL_RANK"]), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if not gpu:  # an equal share of the processor's cores
        if not train.threads and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // beside))
    elif place < torch.cuda.device_count():
        torch.cuda.set_device(place)
    else:
        raise SettingsError(
            f"process {place} of this machine has no GPU, there are {torch.cuda.device_count()}: "
            "start one process per GPU, or set train.device=cpu"
        )
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    timeout = datetime.timedelta(seconds=train.timeout)
    try:
        with _named_errors(train):
            dist.init_process_group(backend, timeout=timeout)
            yield True
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


@contextlib.contextmanager
def _named_errors(train: TrainSettings) -> Iterator[None]:
    """Put the process in front of an error, and explain a broken connection."""
    number = int(os.environ["RANK"])
    whose = f"process {number}: " if number else ""
    try:
        yield
    except FaceAlignError as error:
        error.args = (f"{whose}{error}",)
        raise
    except RuntimeError as error:
        # Gloo raises a plain RuntimeError that starts with its source file, NCCL its own type.
        if not (isinstance(error, dist.DistError) or "gloo" in str(error).lower()):
            raise
        raise ProcessError(
            f"{whose}another process of this run ended, or did not answer within train.timeout = "
            f"{train.timeout:g} seconds; the last checkpoint is intact: repeat the command"
        ) from error


def sum_up(values: Tensor) -> Tensor:
    """The sum of the processes' tensors, in place."""
    if world() > 1:
        dist.all_reduce(values)
    return values


def any_process(flag: bool) -> bool:
    """Whether the flag is True in any process."""
    return bool(sum_up(torch.tensor(float(flag))).item())


def from_leader(make: Callable[[], T]) -> T:
    """The result of `make`, which runs in the leading process only."""
    if world() == 1:
        return make()
    box: list[T | None] = [make() if leads() else None]
    dist.broadcast_object_list(box)
    return box[0]  # type: ignore[return-value]


def check_alike(what: str, value: object) -> None:
    """Check that all processes found the same.

    Raises:
        DataError: they did not, for example because the machines have different files.
    """
    if world() > 1:
        found: list[object] = [None] * world()
        dist.all_gather_object(found, value)
        if any(other != found[0] for other in found):
            raise DataError(
                f"the processes found different {what}: {'; '.join(map(str, found))}; give all "
                "machines the same files"
            )


@torch.no_grad()
def share_weights(*models: nn.Module) -> None:
    """Copy the leading process's weights and statistics to all others."""
    if world() > 1:
        for value in (value for model in models for value in model.state_dict().values()):
            whole = value.contiguous()
            dist.broadcast(whole, src=0)
            value.copy_(whole)


@torch.no_grad()
def average(values: Sequence[Tensor]) -> None:
    """Replace tensors with their means over the processes, in one exchange."""
    if world() > 1 and values:
        flat = sum_up(torch.cat([value.flatten() for value in values])).div_(world())
        means = torch.split(flat, [value.numel() for value in values])
        for value, mean in zip(values, means, strict=True):
            value.copy_(mean.view_as(value))


def spread_out(model: nn.Module) -> nn.Module:
    """The model in a wrapper that averages gradients over the processes during backward."""
    if world() == 1:
        return model
    known = inspect.signature(DistributedDataParallel).parameters
    name = next(n for n in ("forward_sync_buffers", "broadcast_buffers") if n in known)
    buffers_stay: dict[str, Any] = {name: False}  # PyTorch 2.13 warns about the second
    return DistributedDataParallel(model, **buffers_stay)


def without_exchange(parallel: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Gradients computed in here stay in this process until the next ones outside.

    `parallel` is what `spread_out` returned, not what `torch.compile` makes of it.
    """
    if isinstance(parallel, DistributedDataParallel):
        return parallel.no_sync()
    return contextlib.nullcontext()
