"""One process of a run, alone or among those of its environment: `a_process.py JOB.json`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from facealign.datasets import Reading, read_dataset
from facealign.training.distributed.processes import joined, rank
from facealign.training.loop import fit
from facealign.training.run import prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings

EYES = [36, 39, 42, 45, 30]


def hidden(reading: Reading) -> Reading:
    """With points unknown and covered, of some faces many and of others none."""
    rng = np.random.default_rng(5)
    samples = []
    for number, sample in enumerate(reading.samples):
        drawn = rng.random((2, len(sample.landmarks)))
        labelled, occluded = drawn[0] >= 0.2 * (number % 4), drawn[1] < 0.3
        samples.append(replace(sample, labelled=labelled, occluded=occluded))
    return Reading(reading.dataset, reading.subset, samples)


def of_five(reading: Reading) -> Reading:
    """The same faces under another point scheme."""
    samples = [
        replace(s, markup="celeba5", **{n: getattr(s, n)[EYES] for n in ("landmarks", "labelled")})
        for s in reading.samples
    ]
    return Reading("celeba", reading.subset, samples[:7])


def main(job: dict) -> None:
    """Train as the job says, to its step; leave the state where it says."""
    settings = to_settings(job["settings"], "job")
    reading = read_dataset("300w", Path(job["drawn"]), "train")
    readings = [hidden(reading), of_five(reading)][: 1 + len(settings.further)]
    with joined(settings.train):
        run = prepare(settings, RunFolder(Path(job["run"])), readings)
        before = {name: value.clone() for name, value in run.model.state_dict().items()}
        reports = []
        stops = job.get("stop", -1) if rank() == int(job.get("stopper", 0)) else -1
        fit(run, lambda p: reports.append(p.report), lambda: run.step == stops)
        nmes = [report.nme for report in reports if report]
        state = run.state() | {"before": before, "nmes": nmes, "step": run.step}
        torch.save(state, f"{job['run']}.{rank()}.pt")


for job in json.loads(Path(sys.argv[1]).read_text()):
    # One who is done early must not meet the others at a place that they are about to leave.
    os.environ["MASTER_PORT"] = str(job["port"])
    main(job)
