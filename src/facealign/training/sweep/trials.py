"""The trials of a sweep, in Optuna's SQLite storage; any number of workers may share them.

    facealign sweep sweep data.root=drawn/    # repeat it to add a worker

A worker locks the trial that it runs. The system frees the lock when the worker ends, for whatever
reason; the next free worker then resumes the trial from its last checkpoint.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from facealign.errors import DataError, DivergenceError, SettingsError
from facealign.files import lock, writing
from facealign.training.rundir.folder import deciding
from facealign.training.settings import Settings
from facealign.training.sweep.settings import Space, Sweep

FOLDER = "folder"
"""User attribute of a trial: the name of its run's folder."""
WHY = "why"
"""User attribute of a pruned trial that diverged: the error."""

PATIENCE = 60
"""Seconds to wait for another worker's write."""

Prune = Callable[[int, float], bool]
"""(step, NME) of a validation → whether to end the trial."""
Train = Callable[[Settings, Path, Prune], float | None]
"""(settings, run folder, prune) → the best NME; None if the run was stopped."""


def run_trials(sweep: Sweep, folder: Path, train: Train) -> "tuple[bool, list[Row]]":
    """Run trials until the sweep has its number of them; False if stopped, and all trials' table.

    Raises:
        SettingsError: the folder holds another sweep.
        OutputError: it cannot be written.
    """
    with _open_study(sweep, folder) as study:
        finished = True
        while finished:
            with ExitStack() as held:
                trial = _next_trial(study, sweep, folder, held)
                if trial is None:
                    break
                finished = _run_trial(study, sweep, trial, folder, train)
        return finished, _table_of(study, sweep)


@contextmanager
def _open_study(sweep: Sweep, folder: Path) -> Iterator[optuna.Study]:
    """The study in the folder, created if there is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock(folder / ".lock"):
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{folder.resolve() / 'study.db'}",
            engine_kwargs={"connect_args": {"timeout": PATIENCE}},
        )
        study = _load_study(storage, sweep, folder)
    try:
        yield study
    finally:
        storage.engine.dispose()


def _load_study(storage: optuna.storages.RDBStorage, sweep: Sweep, folder: Path) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name="sweep",
        sampler=optuna.samplers.RandomSampler(),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=sweep.startup)
        if sweep.pruning
        else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    base = dict(deciding(asdict(sweep.settings({}))))  # must not change when it is continued
    wanted = json.dumps({"search": sweep.search, "base": base}, sort_keys=True)
    if study.user_attrs.get("sweep", wanted) != wanted:
        raise SettingsError(
            f"{folder} holds a sweep with another base or search: choose another with --folder"
        )
    study.set_user_attr("sweep", wanted)
    return study


def _next_trial(
    study: optuna.Study, sweep: Sweep, folder: Path, held: ExitStack
) -> optuna.Trial | None:
    """The next trial, its lock held; None if there are enough.

    One worker chooses at a time, so none mistakes another's new trial for an abandoned one.
    """
    with lock(folder / ".lock"):
        _requeue_abandoned(study, folder)
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        if len(study.get_trials(deepcopy=False, states=states)) >= sweep.trials:
            return None
        trial = study.ask()
        if FOLDER not in trial.user_attrs:
            trial.set_user_attr(FOLDER, f"trial-{trial.number:04d}")
        held.enter_context(lock(_lock_of(folder, trial.user_attrs)))
        return trial


def _requeue_abandoned(study: optuna.Study, folder: Path) -> None:
    """Put trials whose worker has ended back in the queue."""
    for trial in _running(study):
        if FOLDER not in trial.user_attrs:  # its worker ended before the start
            study.tell(trial.number, state=TrialState.FAIL)
            continue
        try:
            with lock(_lock_of(folder, trial.user_attrs), wait=False):
                if trial.number in [other.number for other in _running(study)]:
                    _requeue(study, trial)  # unless it has finished in the meantime
        except BlockingIOError:
            continue


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _requeue(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    study.tell(trial.number, state=TrialState.FAIL)
    study.enqueue_trial(trial.params, user_attrs={FOLDER: trial.user_attrs[FOLDER]})


def _run_trial(
    study: optuna.Study, sweep: Sweep, trial: optuna.Trial, folder: Path, train: Train
) -> bool:
    """Train one trial and tell the study its result; False if it was stopped, to be resumed."""
    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=sweep.startup, multivariate=False, seed=_seed(sweep, trial)
    )
    values = {key: _suggest(trial, key, space) for key, space in sweep.spaces.items()}
    pruned = False

    def prune(step: int, error: float) -> bool:
        nonlocal pruned
        trial.report(error, step)
        pruned = trial.should_prune()
        return pruned

    try:
        best = train(sweep.settings(values), folder / trial.user_attrs[FOLDER], prune)
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
        _requeue(study, trial)
    return best is not None or pruned


def _seed(sweep: Sweep, trial: optuna.Trial) -> int:
    """Of the sampler: workers that start at the same time must not draw the same values."""
    return int(np.random.SeedSequence([sweep.seed, trial.number]).generate_state(1)[0])


def _suggest(trial: optuna.Trial, key: str, space: Space) -> Any:
    kind, values = space
    if kind == "choice":  # as JSON, because Optuna's choices cannot be lists
        return json.loads(trial.suggest_categorical(key, [json.dumps(v) for v in values]))
    low, high = values
    if kind == "int":
        return trial.suggest_int(key, low, high)
    return trial.suggest_float(key, low, high, log=kind == "log")


@dataclass(frozen=True)
class Row:
    """A trial in the table of a sweep.

    Attributes:
        folder: name of its run's folder.
        state: "complete", "pruned" or "running".
        nme: of the best validation so far; None before the first.
        step: of the last validation; 0 before the first.
        values: of the searched settings.
    """

    folder: str
    state: str
    nme: float | None
    step: int
    values: dict[str, Any]


def _table_of(study: optuna.Study, sweep: Sweep) -> list[Row]:
    """The trials, the best first; of a resumed one only the last attempt."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    rows = [_to_row(trial, sweep) for trial in study.get_trials(deepcopy=False, states=states)]
    return sorted(rows, key=lambda row: (row.state != "complete", row.nme or float("inf")))


def _to_row(trial: FrozenTrial, sweep: Sweep) -> Row:
    errors = trial.intermediate_values
    values = {
        key: json.loads(value) if sweep.spaces[key][0] == "choice" else value
        for key, value in trial.params.items()
    }
    best = trial.value if trial.value is not None else min(errors.values(), default=None)
    name = trial.user_attrs.get(FOLDER, "")
    return Row(name, trial.state.name.lower(), best, max(errors, default=0), values)


def _lock_of(folder: Path, attributes: dict[str, Any]) -> Path:
    return folder / f".{attributes[FOLDER]}.lock"
