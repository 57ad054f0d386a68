"""A search of settings: its file, and its trials in Optuna's SQLite storage.

    facealign sweep sweep data.root=drawn/    # repeat it to add a worker

Any number of workers may share the trials. A worker locks the one that it runs. The system frees
the lock when the worker ends, for whatever reason; the next free worker then resumes the trial from
its last checkpoint.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from facealign.errors import DataError, DivergenceError, SettingsError
from facealign.files import lock, read_toml, writing
from facealign.training.rundir.folder import deciding
from facealign.training.settings import Settings
from facealign.training.settings_file import convert, load_settings

KINDS = ("uniform", "log", "int", "choice")
Space = tuple[str, list[Any]]
"""Range of a searched setting: "uniform" or "log" between two numbers, "int" between two whole
numbers, both included, or a "choice", and the two limits or the choices."""
FOLDER = "folder"
"""User attribute of a trial: the name of its run's folder."""
WHY = "why"
"""User attribute of a pruned trial that diverged: the error."""
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
PATIENCE = 60
"""Seconds to wait for another worker's write."""
Prune = Callable[[int, float], bool]
"""(step, NME) of a validation → whether to end the trial."""
Train = Callable[[Settings, Path, Prune], float | None]
"""(settings, run folder, prune) → the best NME; None if the run was stopped."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a sweep."""

    base: str
    """Settings file that every trial starts from, relative to this one."""
    search: dict[str, dict[str, list[Any]]]
    """Setting → { uniform = [a, b] }, { log = [a, b] }, { int = [a, b] } or { choice = [...] }."""
    name: str = "sweep"
    """Name of its folder under sweeps/."""
    fixed: tuple[str, ...] = ()
    """Changes to the base in every trial, such as "train.steps=500"."""
    trials: int = 20
    """Number of trials of all workers together."""
    startup: int = 5
    """Random trials before the search learns from results, and before any trial is pruned."""
    pruning: bool = True
    """Whether to end a trial whose validation is worse than the median at the same step."""
    seed: int = 0
    """Seed of the search; the seed of the training is a setting of the base."""

    @property
    def spaces(self) -> dict[str, Space]:
        """Setting → its range."""
        return {key: _to_space(key, entry) for key, entry in self.search.items()}

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """The settings of a trial with these values.

        Raises:
            SettingsError: the values contradict each other, or the base cannot be read.
        """
        searched = [f"{key}={json.dumps(value)}" for key, value in values.items()]
        return load_settings(Path(self.base), [*self.fixed, *searched])


def load_sweep(path: Path, fixed: Sequence[str] = (), trials: int | None = None) -> Sweep:
    """The sweep of a TOML file, with more changes to the base and another number of trials.

    Raises:
        SettingsError: the file cannot be read, a key is unknown, or a range is not valid.
    """
    sweep = convert(read_toml(path, SettingsError), Sweep, str(path))
    found = msgspec.structs.replace(
        sweep,
        base=str(path.parent / sweep.base),
        fixed=(*sweep.fixed, *fixed),
        trials=sweep.trials if trials is None else trials,
    )
    _check(found, path)
    return found


def _check(sweep: Sweep, path: Path) -> None:
    """Build the settings at every end of the search now, not hours into it."""
    if not sweep.search or sweep.trials < 1 or sweep.startup < 1:
        raise SettingsError(f"{path}: needs at least one [search] setting, 1 trial and 1 startup")
    data = sweep.settings({}).data
    if not (data.validation or data.folds):
        raise SettingsError(f"{path}: held-out faces rank the trials: set data.validation")
    for key, (_, values) in sweep.spaces.items():
        for value in values:
            sweep.settings({key: value})


def _to_space(key: str, entry: dict[str, list[Any]]) -> Space:
    kind, values = next(iter(entry.items()), ("", []))
    number = int if kind == "int" else (int, float)
    limits = kind == "choice" or (
        len(values) == 2
        and all(isinstance(v, number) and -math.inf < v < math.inf for v in values)
        and values[0] < values[1]
        and (kind != "log" or values[0] > 0)
    )
    if len(entry) != 1 or kind not in KINDS or not values or not limits:
        raise SettingsError(
            f"search of {key}: write {{ uniform = [low, high] }}, {{ log = [low, high] }} above 0, "
            "{ int = [low, high] } or { choice = [one, other] }"
        )
    return kind, values


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


def run_trials(sweep: Sweep, folder: Path, train: Train) -> tuple[bool, list[Row]]:
    """Run trials until the sweep has its number of them; False if stopped, and all trials.

    They are in order, the best first; of a resumed one there is only the last attempt.

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
        trials = study.get_trials(deepcopy=False, states=COUNTED)
    rows = [_to_row(trial, sweep) for trial in trials]
    rows.sort(key=lambda row: (row.state != "complete", row.nme or float("inf")))
    return finished, rows


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
    median = optuna.pruners.MedianPruner(n_startup_trials=sweep.startup)
    study = optuna.create_study(
        storage=storage,
        study_name="sweep",
        sampler=optuna.samplers.RandomSampler(),
        pruner=median if sweep.pruning else optuna.pruners.NopPruner(),
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
        if len(study.get_trials(deepcopy=False, states=COUNTED)) >= sweep.trials:
            return None
        trial = study.ask()
        if FOLDER not in trial.user_attrs:
            trial.set_user_attr(FOLDER, f"trial-{trial.number:04d}")
        held.enter_context(lock(folder / f".{trial.user_attrs[FOLDER]}.lock"))
        return trial


def _requeue_abandoned(study: optuna.Study, folder: Path) -> None:
    """Put trials whose worker has ended back in the queue."""
    for trial in _running(study):
        if FOLDER not in trial.user_attrs:  # its worker ended before the start
            study.tell(trial.number, state=TrialState.FAIL)
            continue
        held = lock(folder / f".{trial.user_attrs[FOLDER]}.lock", wait=False)
        with suppress(BlockingIOError), held:  # raised where its worker still runs
            if trial.number in [other.number for other in _running(study)]:
                _requeue(study, trial)  # unless it has finished in the meantime


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _requeue(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    study.tell(trial.number, state=TrialState.FAIL)
    study.enqueue_trial(trial.params, user_attrs={FOLDER: trial.user_attrs[FOLDER]})


def _run_trial(
    study: optuna.Study, sweep: Sweep, trial: optuna.Trial, folder: Path, train: Train
) -> bool:
    """Train one trial and tell the study its result; False if it was stopped, to be resumed."""
    # Workers that start at the same time must not draw the same values.
    seed = np.random.SeedSequence([sweep.seed, trial.number]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=sweep.startup, multivariate=False, seed=int(seed[0])
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


def _suggest(trial: optuna.Trial, key: str, space: Space) -> Any:
    kind, values = space
    if kind == "choice":  # as JSON, because Optuna's choices cannot be lists
        return json.loads(trial.suggest_categorical(key, [json.dumps(v) for v in values]))
    low, high = values
    if kind == "int":
        return trial.suggest_int(key, low, high)
    return trial.suggest_float(key, low, high, log=kind == "log")


def _to_row(trial: FrozenTrial, sweep: Sweep) -> Row:
    errors = trial.intermediate_values
    values = {
        key: json.loads(value) if sweep.spaces[key][0] == "choice" else value
        for key, value in trial.params.items()
    }
    best = trial.value if trial.value is not None else min(errors.values(), default=None)
    name = trial.user_attrs.get(FOLDER, "")
    return Row(name, trial.state.name.lower(), best, max(errors, default=0), values)
