from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.cli import main
from facealign.configs import FOLDER
from facealign.errors import DataError, DivergenceError, SettingsError
from facealign.training.settings import Settings
from facealign.training.sweep import Sweep, load_sweep, run_trials

BASE = (
    "[data]\nvalidation = 0.2\n[model]\ninput_size = 32\nwidths = [4, 8]\n"
    "[train]\nsteps = 4\nbatch = 8\nvalidate_every = 2\nthreads = 1\ntensorboard = false\n"
)
SEARCH = (
    'base = "base.toml"\nname = "test"\ntrials = 6\nstartup = 2\n[search]\n'
    '"train.learning_rate" = { log = [1e-4, 1e-2] }\n"train.clip" = { uniform = [0.5, 2.0] }\n'
    '"train.warmup" = { int = [0, 3] }\n"model.widths" = { choice = [[4, 8], [8, 8]] }\n'
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "base.toml").write_text(BASE)
    path = tmp_path / "sweep.toml"
    path.write_text(SEARCH)
    return path


@pytest.fixture
def sweep(config: Path) -> Sweep:
    return load_sweep(config)


def error_of(settings: Settings) -> float:
    return settings.train.learning_rate + settings.train.warmup / 100


def test_every_trial_is_within_the_search_and_the_table_has_the_best_first(
    sweep: Sweep, tmp_path: Path
) -> None:
    seen: dict[str, Settings] = {}

    def train(settings: Settings, path: Path, prune: object) -> float:
        seen[path.name] = settings
        return error_of(settings)

    finished, rows = run_trials(sweep, tmp_path / "s", train)
    assert finished
    assert sorted(seen) == [f"trial-{n:04d}" for n in range(6)] == sorted(r.folder for r in rows)
    assert [row.nme for row in rows] == sorted(error_of(s) for s in seen.values())
    assert {row.state for row in rows} == {"complete"}
    for row in rows:
        train_settings = seen[row.folder].train
        assert row.values["train.learning_rate"] == train_settings.learning_rate
        assert 1e-4 <= train_settings.learning_rate <= 1e-2
        assert 0.5 <= train_settings.clip <= 2.0
        assert train_settings.warmup in range(4)
        assert row.values["model.widths"] in ([4, 8], [8, 8])
        assert tuple(row.values["model.widths"]) == seen[row.folder].model.widths
    assert len({row.values["train.clip"] for row in rows}) == 6
    assert run_trials(sweep, tmp_path / "s", train) == (True, rows)


def test_the_same_seed_tries_the_same_settings(sweep: Sweep, tmp_path: Path) -> None:
    tables = [run_trials(sweep, tmp_path / n, lambda s, p, h: error_of(s))[1] for n in ("a", "b")]
    assert tables[0] == tables[1]


def test_a_stopped_trial_goes_on_in_its_folder_with_its_settings(
    sweep: Sweep, tmp_path: Path
) -> None:
    seen: list[tuple[str, Settings]] = []

    def train(settings: Settings, path: Path, prune: object) -> float | None:
        seen.append((path.name, settings))
        return None if len(seen) == 3 else error_of(settings)

    finished, rows = run_trials(sweep, tmp_path / "s", train)
    assert (finished, len(rows)) == (False, 2)
    finished, rows = run_trials(sweep, tmp_path / "s", train)
    assert (finished, len(rows)) == (True, 6)
    assert seen[3] == seen[2]
    names = [name for name, _ in seen]
    assert len(names) == 7
    assert len(set(names)) == 6


WORKERS = """
import os, signal, sys, time
from pathlib import Path
from facealign.training.sweep import load_sweep
from facealign.training.sweep import run_trials
sweep, folder = load_sweep(Path(sys.argv[1])), Path(sys.argv[2])

def start(dies):
    def train(settings, path, prune):
        path.mkdir(exist_ok=True)
        with (path / "begun").open("a") as file:
            file.write(repr(settings) + "\\n")
        if dies and path.name == "trial-0001":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
        return settings.train.learning_rate

    child = os.fork()
    if child == 0:
        os._exit(0 if run_trials(sweep, folder, train)[0] else 1)
    return child

def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print(end(start(True)), [end(child) for child in [start(False), start(False)]])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_a_killed_workers_trial_is_taken_up_and_workers_share_the_rest(
    config: Path, sweep: Sweep, tmp_path: Path
) -> None:
    """Forked from a process that has imported everything, so that a worker costs little."""
    folder = tmp_path / "s"
    command = [sys.executable, "-W", "error", "-c", WORKERS, str(config), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("-9 [0, 0]\n", "")
    finished, rows = run_trials(sweep, folder, lambda *given: pytest.fail("all trials are done"))
    assert finished
    assert [row.state for row in rows] == ["complete"] * 6
    begun = {row.folder: (folder / row.folder / "begun").read_text() for row in rows}
    assert len(begun) == 6
    first, second = begun.pop("trial-0001").splitlines()
    assert first == second
    assert {len(text.splitlines()) for text in begun.values()} == {1}


def test_a_trial_far_behind_is_given_up(sweep: Sweep, tmp_path: Path) -> None:
    count = 0

    def train(settings: Settings, path: Path, prune: Callable[[int, float], bool]) -> float | None:
        nonlocal count
        count += 1
        error = 0.5 if count == 4 else 0.2 - count / 1000
        for step in (1, 2, 3):
            if prune(step, error):
                assert (count, step) == (4, 1) or count > 4
                return None
        return error

    _, rows = run_trials(sweep, tmp_path / "s", train)
    states = {row.folder: row.state for row in rows}
    assert [states[f"trial-{n:04d}"] for n in range(4)] == ["complete"] * 3 + ["pruned"]
    plain = load_sweep(tmp_path / "sweep.toml")
    count = 0
    _, rows = run_trials(
        type(plain)(base=plain.base, search=plain.search, trials=6, startup=2, pruning=False),
        tmp_path / "unpruned",
        train,
    )
    assert {row.state for row in rows} == {"complete"}


def test_a_trial_that_comes_apart_counts_as_given_up(sweep: Sweep, tmp_path: Path) -> None:
    def train(settings: Settings, path: Path, prune: object) -> float:
        if path.name == "trial-0002":
            raise DivergenceError("step 7: the loss is nan")
        return error_of(settings)

    finished, rows = run_trials(sweep, tmp_path / "s", train)
    assert finished
    assert [row.folder for row in rows if row.state == "pruned"] == ["trial-0002"]


def test_bad_data_ends_the_sweep_and_is_not_tried_again(sweep: Sweep, tmp_path: Path) -> None:
    def bad(settings: Settings, path: Path, prune: object) -> float:
        raise DataError("no such file")

    with pytest.raises(DataError, match="no such file"):
        run_trials(sweep, tmp_path / "s", bad)
    finished, rows = run_trials(sweep, tmp_path / "s", lambda s, p, h: error_of(s))
    assert finished
    assert [row.folder for row in rows if row.folder == "trial-0000"] == []
    assert len(rows) == 6


def test_another_search_in_the_same_folder_is_refused(config: Path, tmp_path: Path) -> None:
    run_trials(load_sweep(config, trials=1), tmp_path / "s", lambda s, p, h: 0.1)
    run_trials(
        load_sweep(config, ["data.root=/elsewhere"], trials=2), tmp_path / "s", lambda s, p, h: 0.1
    )
    with pytest.raises(SettingsError, match=r"another base or search.*--folder"):
        run_trials(load_sweep(config, ["train.steps=9"]), tmp_path / "s", lambda s, p, h: 0.1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("base.toml", "none.toml", "none.toml: cannot be read"),
        ("trials = 6", "trails = 6", "sweep.toml: .*unknown field trails"),
        ("train.clip", "train.clop", r"unknown setting train\.clop; did you mean train\.clip"),
        ("log = [1e-4,", "log = [0.0,", r"search of train\.learning_rate: write .* above 0"),
        ("[0.5, 2.0]", "[2.0, 0.5]", r"search of train\.clip: write"),
        ("[0, 3]", "[0, 3.5]", r"search of train\.warmup: write"),
        ("[0, 3]", "[-1, 3]", r"train\.warmup = -1: expected int >= 0"),
        ("uniform", "uniforn", r"search of train\.clip: write"),
        ("[[4, 8], [8, 8]]", "[]", r"search of model\.widths: write"),
        ("[search]", "[search", "not valid TOML"),
        ("trials = 6", "trials = 0", "1 trial"),
        ('"test"', '"test"\nfixed = ["data.validation=0"]', r"set data\.validation"),
    ],
)
def test_a_bad_sweep_is_refused_before_it_begins(
    old: str, new: str, message: str, config: Path
) -> None:
    assert SEARCH.count(old) == 1
    config.write_text(SEARCH.replace(old, new))
    with pytest.raises(SettingsError, match=message):
        load_sweep(config)


def test_the_published_sweep_can_be_read(repository: Path) -> None:
    assert load_sweep(FOLDER / "sweep.toml").trials == 12


def test_a_sweep_from_the_command_line(
    config: Path, tmp_path: Path, drawn: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    command = ["sweep", str(config), f"data.root={drawn}", "--folder", str(folder)]
    with pytest.raises(SystemExit) as done:
        main([*command, "--trials", "2"])
    assert done.value.code == 0
    printed = capfd.readouterr().out.splitlines()
    reports = {
        n: json.loads((folder / n / "report.json").read_text())
        for n in ("trial-0000", "trial-0001")
    }
    best = min(reports, key=lambda name: reports[name]["nme_inter_ocular"])
    assert printed[-1] == f"best: {folder / best}"
    assert printed[-3].split()[:4] == [
        best,
        "complete",
        "4",
        f"{100 * reports[best]['nme_inter_ocular']:.2f}",
    ]
    shutil.rmtree(folder / "trial-0000")
    with pytest.raises(SystemExit) as done:
        main([*command, "--trials", "2"])
    assert (done.value.code, (folder / "trial-0000").exists()) == (0, False)


def test_missing_optuna_is_answered_with_the_install_line(config: Path) -> None:
    code = (
        "import sys\nsys.modules['optuna'] = None\n"
        f"from facealign.cli import main\nmain(['sweep', {str(config)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'a sweep needs the "sweep" extra: pip install "facealign[sweep]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
