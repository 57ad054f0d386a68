"""A sweep's trials, in Optuna's SQLite storage: workers come and go, a stopped trial goes on.

    facealign sweep sweep data.root=drawn/    # again, beside it: one worker more

A worker holds a lock on each trial that it runs. The system drops it when the worker ends, however
it ends; the next worker that comes by takes the trial up at its last checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from facealign.errors import DataError, DivergenceError, OutputError, SettingsError
from facealign.files import lock, reason
from facealign.training.rundir.folder import deciding
from facealign.training.settings import Settings
from facealign.training.sweep_file import Space, Sweep

FOLDER = "folder"
"""User attribute of a trial: the name of its run's folder."""
WHY = "why"
"""User attribute of a pruned trial that came apart: how."""

PATIENCE = 60
"""Seconds to wait for another worker's write."""

Heard = Callable[[int, float], bool]
"""(step, NME) of a validation → whether the trial is to be given up."""
Train = Callable[[Settings, Path, Heard], float | None]
"""(settings, run folder, heard) → the best NME; None where a signal stopped the run."""


def work(sweep: Sweep, folder: Path, train: Train) -> tuple[bool, list[Row]]:
    """Run trials until the sweep has as many as it wants.

    Returns:
        whether it has, which it has not where `train` was stopped; the table of all trials.

    Raises:
        SettingsError: the folder holds another sweep.
        OutputError: it cannot be written.

    """
    with _opened(sweep, folder) as study:
        going = True
        while going:
            with ExitStack() as held:
                trial = _next(study, sweep, folder, held)
                if trial is None:
                    break
                going = _run(study, sweep, trial, folder, train)
        return going, _table(study, sweep)


@contextmanager
def _opened(sweep: Sweep, folder: Path) -> Iterator[optuna.Study]:
    """The study in the folder, made if there is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {reason(error)}") from error
    with lock(folder / ".lock"):
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{folder.resolve() / 'study.db'}",
            engine_kwargs={"connect_args": {"timeout": PATIENCE}},
        )
        study = _load(storage, sweep, folder)
    try:
        yield study
    finally:
        storage.engine.dispose()


def _load(storage: optuna.storages.RDBStorage, sweep: Sweep, folder: Path) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name="sweep",
        sampler=optuna.samplers.RandomSampler(),
        pruner=_pruner(sweep),
        load_if_exists=True,
    )
    wanted = _description(sweep)
    if study.user_attrs.get("sweep", wanted) != wanted:
        raise SettingsError(
            f"{folder} holds a sweep of another base or search: choose another folder with --folder"
        )
    study.set_user_attr("sweep", wanted)
    return study


def _description(sweep: Sweep) -> str:
    """What must not change while a sweep goes on."""
    base = dict(deciding(asdict(sweep.settings({}))))
    return json.dumps({"search": sweep.search, "base": base}, sort_keys=True)


def _pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    if not sweep.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=sweep.startup)


def _next(study: optuna.Study, sweep: Sweep, folder: Path, held: ExitStack) -> optuna.Trial | None:
    """The next trial, its lock held; None where there are enough.

    One worker at a time chooses: none can take another's new trial for one left behind.
    """
    with lock(folder / ".lock"):
        _take_up_left_behind(study, folder)
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        if len(study.get_trials(deepcopy=False, states=states)) >= sweep.trials:
            return None
        trial = study.ask()
        if FOLDER not in trial.user_attrs:
            trial.set_user_attr(FOLDER, f"trial-{trial.number:04d}")
        held.enter_context(lock(_lock_of(folder, trial.user_attrs)))
        return trial


def _take_up_left_behind(study: optuna.Study, folder: Path) -> None:
    """Put trials that no living worker runs back in the queue."""
    for trial in _running(study):
        if FOLDER not in trial.user_attrs:  # its worker ended before it began
            study.tell(trial.number, state=TrialState.FAIL)
            continue
        try:
            with lock(_lock_of(folder, trial.user_attrs), wait=False):
                if trial.number in [other.number for other in _running(study)]:
                    _put_back(study, trial)  # else it came to its end in the meantime
        except BlockingIOError:
            continue


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _put_back(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    study.tell(trial.number, state=TrialState.FAIL)
    study.enqueue_trial(trial.params, user_attrs={FOLDER: trial.user_attrs[FOLDER]})


def _run(
    study: optuna.Study, sweep: Sweep, trial: optuna.Trial, folder: Path, train: Train
) -> bool:
    """Train one trial and tell the study; False where it was stopped, to be gone on with."""
    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=sweep.startup, multivariate=False, seed=_seed(sweep, trial)
    )
    values = {key: _suggest(trial, key, space) for key, space in sweep.spaces.items()}
    pruned = False

    def heard(step: int, error: float) -> bool:
        nonlocal pruned
        trial.report(error, step)
        pruned = trial.should_prune()
        return pruned

    try:
        best = train(sweep.settings(values), folder / trial.user_attrs[FOLDER], heard)
    except DivergenceError as error:
        trial.set_user_attr(WHY, str(error))
        study.tell(trial, state=TrialState.PRUNED)
        return True
    except (SettingsError, DataError):
        study.tell(trial, state=TrialState.FAIL)
        raise
    if best is not None:
        study.tell(trial, best)
    elif pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        _put_back(study, trial)
    return best is not None or pruned


def _seed(sweep: Sweep, trial: optuna.Trial) -> int:
    """Of the sampler: workers that begin at the same moment must not draw the same values."""
    return int(np.random.SeedSequence([sweep.seed, trial.number]).generate_state(1)[0])


def _suggest(trial: optuna.Trial, key: str, space: Space) -> Any:
    if space.kind == "choice":  # as JSON: Optuna knows no lists
        return json.loads(trial.suggest_categorical(key, [json.dumps(v) for v in space.values]))
    low, high = space.values
    if space.kind == "int":
        return trial.suggest_int(key, low, high)
    return trial.suggest_float(key, low, high, log=space.kind == "log")


@dataclass(frozen=True)
class Row:
    """A trial in the table of a sweep.

    Attributes:
        folder: name of its run's folder.
        state: "complete", "pruned" or "running".
        nme: of the best validation so far; None before the first.
        step: of the last validation; 0 before the first.
        values: of the settings that are searched.

    """

    folder: str
    state: str
    nme: float | None
    step: int
    values: dict[str, Any]


def _table(study: optuna.Study, sweep: Sweep) -> list[Row]:
    """The trials, the best first; of one that was taken up again the last attempt."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    rows = [_row(trial, sweep) for trial in study.get_trials(deepcopy=False, states=states)]
    return sorted(rows, key=lambda row: (row.state != "complete", row.nme or float("inf")))


def _row(trial: FrozenTrial, sweep: Sweep) -> Row:
    heard = trial.intermediate_values
    values = {
        key: json.loads(value) if sweep.spaces[key].kind == "choice" else value
        for key, value in trial.params.items()
    }
    best = trial.value if trial.value is not None else min(heard.values(), default=None)
    name = trial.user_attrs.get(FOLDER, "")
    return Row(name, trial.state.name.lower(), best, max(heard, default=0), values)


def _lock_of(folder: Path, attributes: dict[str, Any]) -> Path:
    return folder / f".{attributes[FOLDER]}.lock"
