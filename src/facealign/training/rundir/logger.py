"""What a run writes to its folder: settings, log, TensorBoard, report."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from facealign.errors import needs
from facealign.evaluation import Report, read_predictions
from facealign.files import PART, write_file, write_json
from facealign.training.distributed.processes import leads
from facealign.training.run import Run
from facealign.training.rundir.environment import add_environment, environment
from facealign.training.settings_file import to_toml

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Record:
    """Writes the log while it is open; a resumed run appends to it.

    Of several processes only the leading one writes.

    Raises:
        OutputError: the folder cannot be written.
        MissingExtraError: `train.tensorboard` is on and TensorBoard is not installed.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._images, self._seconds = 0, 0.0
        self._board: SummaryWriter | None = None
        if not leads():
            return
        folder = run.folder
        for part in folder.path.glob(f".*{PART}"):  # a killed process has left it half-written
            part.unlink(missing_ok=True)
        folder.cut_log(run.step)
        write_file(folder.path / "settings.toml", to_toml(run.settings))
        add_environment(folder, run.step, environment(run.batches.device, run.precision))
        if run.settings.train.tensorboard:
            with needs("train", "train.tensorboard = true"):
                import torch.utils.tensorboard as tensorboard
            # TensorBoard ignores what an earlier writer wrote after the step.
            path = str(folder.path / "tensorboard")
            self._board = tensorboard.SummaryWriter(path, purge_step=run.step + 1)

    def step(self, seconds: float) -> float:
        """Count a step, log every `train.log_every`-th; return its images per second."""
        run, train = self._run, self._run.settings.train
        self._images += train.batch
        self._seconds += seconds
        due = run.step % train.log_every == 0 or run.step == train.steps
        if due and leads():
            entry = self._entry() | {"images_per_second": round(self._images / self._seconds, 2)}
            run.folder.log(entry)
            self._draw({f"training/{name}": value for name, value in entry.items()})
            self._images, self._seconds = 0, 0.0
        return train.batch / seconds

    def validation(self, report: Report | None) -> None:
        """Log the validation after a step."""
        if not leads():
            return
        numbers = report.to_dict() if report else None
        self._run.folder.log(self._entry() | {"report": numbers})
        if report:
            auc = {"auc_08": report.auc_08, "failure_rate_08": report.failure_rate_08}
            errors = {f"nme_{name}": value for name, value in report.nmes.items()}
            self._draw({f"validation/{n}": v for n, v in (errors | auc).items()})

    def _entry(self) -> dict[str, Any]:
        run = self._run
        return {
            "step": run.step,
            "loss": run.guard.mean(run.settings.train.log_every),
            "learning_rate": run.optimiser.param_groups[0]["lr"],
        }

    def _draw(self, curves: dict[str, float | None]) -> None:
        for name, value in curves.items():
            if self._board is not None and value is not None and not name.endswith("/step"):
                self._board.add_scalar(name, value, self._run.step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._board is not None:
            hidden = (OSError,) if error[0] else ()  # a full disk has already been reported
            with suppress(*hidden):
                self._board.close()


def write_report(run: Run) -> None:
    """Write the final report: `report.json`, and `report.md` for people.

    Raises:
        OutputError: they cannot be written.
    """
    report = None
    if run.best_step:
        report = run.validator.score(read_predictions(run.folder.predictions))
    facts = {
        "model": f"{run.settings.name}, step {run.best_step or run.step}",
        "trained_on": run.trained_on,
        "steps": run.step,
        "best_step": run.best_step or None,
        "loss": run.guard.mean(run.settings.train.log_every),
        "skipped_steps": run.guard.skipped_in_all,
    }
    numbers = report.to_dict() if report else {}
    write_json(run.folder.path / "report.json", facts | numbers, allow_nan=False)
    write_file(run.folder.path / "report.md", _in_words(run, facts, report))


def _in_words(run: Run, facts: dict[str, Any], report: Report | None) -> str:
    rows = {"trained on": run.trained_on, "steps": run.step}
    if facts["skipped_steps"]:
        rows["skipped steps"] = facts["skipped_steps"]
    if report:
        rows |= {"best step": run.best_step, "validation faces": report.count}
        for name, value in report.nmes.items():
            rows[f"NME, {name.replace('_', '-')}"] = f"{100 * value:.2f} %"
        by = report.normaliser.replace("_", "-")
        rows[f"AUC at 8 %, {by}"] = f"{100 * report.auc_08:.1f} %"
        rows[f"failures over 8 %, {by}"] = f"{100 * report.failure_rate_08:.1f} %"
    else:
        rows["validation"] = "no face was held out"
    lines = [f"# {run.settings.name}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())]) + "\n"
