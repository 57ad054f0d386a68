"""Start several processes of one run on this machine, as `torchrun --standalone` does."""

import logging
import math
import os
import signal
import sys
import uuid
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch


def launch(arguments: Sequence[str], processes: int, grace: float) -> int:
    """Run `python -m facealign` with these arguments in several processes.

    A signal to stop is passed on to all of them; each may take `grace` seconds to finish its step
    and save. If one fails, the others are stopped. The exit code is 0, 130 after a signal, or that
    of the process that failed first.
    """
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
