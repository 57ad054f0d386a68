"""Training recipes that come with facealign: `facealign train 300w`, `facealign train --list`."""

from pathlib import Path

from facealign.errors import SettingsError
from facealign.files import is_file, packaged

FOLDER = packaged("configs")


def config_names() -> dict[str, str]:
    """Name ("300w", "paper/aflw") → how its comment begins, for each recipe."""
    return {
        path.relative_to(FOLDER).with_suffix("").as_posix(): _title(path)
        for path in sorted(FOLDER.rglob("*.toml"))
    }


def find_config(name: Path) -> Path:
    """The file of a recipe: a path, or the name of one that comes with facealign.

    `configs/300w.toml`, as the documents of the repository write it, is the name 300w too.

    Raises:
        SettingsError: there is no such file, and no recipe of this name.
    """
    known = name.as_posix().removeprefix("configs/").removesuffix(".toml")
    for file in (name, FOLDER / f"{known}.toml"):
        if is_file(file):
            return file
    raise SettingsError(
        f"{name}: no such file, and no recipe of this name; facealign train --list shows them"
    )


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").partition(": ")[0].strip(" .,")
