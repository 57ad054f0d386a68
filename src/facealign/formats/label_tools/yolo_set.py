"""What `data.yaml` says about a YOLO-pose data set, and where its label files are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.files import brief, is_folder, parsing, reading
from facealign.formats.labels import ALL

SPLITS = ("train", "val", "test")
DEEPEST = 20


@dataclass(frozen=True)
class YoloSet:
    """A YOLO data set: its folder, and what `data.yaml` says."""

    root: Path
    content: dict[str, Any]

    @classmethod
    def at(cls, path: Path) -> "YoloSet":
        """The data set of a `data.yaml`, or of a folder with one.

        Raises:
            DataError: it cannot be read, or has no `kpt_shape`.
        """
        file = path
        if is_folder(path):
            found = [file for file in sorted(path.glob("*.y*ml")) if "kpt_shape" in read_yaml(file)]
            if not found:
                raise DataError(f"{path}: holds no data.yaml with kpt_shape")
            file = found[0]
        content = read_yaml(file)
        shape = content.get("kpt_shape")
        listed = shape if isinstance(shape, list) else []
        if [type(number) for number in listed] != [int, int] or listed[1] not in (2, 3):
            raise DataError(f"{file}: kpt_shape must be [points, 2] or [points, 3], not {shape}")
        root = file.parent
        given = root / str(content.get("path") or ".")
        return cls(given if is_folder(given) else root, content)

    @property
    def names(self) -> list[str]:
        """The names of the points, or their numbers from 0."""
        names = self.content.get("kpt_names")
        listed = next(iter(names.values()), None) if isinstance(names, dict) else names
        count = self.content["kpt_shape"][0]
        if listed and len(listed) != count:
            raise DataError(f"{self.root}: {len(listed)} kpt_names, but kpt_shape has {count}")
        return [str(name) for name in listed or range(count)]

    @property
    def kind(self) -> str:
        """The name of the first class."""
        names = self.content.get("names") or ["face"]
        return str(next(iter(names.values() if isinstance(names, dict) else names)))

    def splits(self) -> list[str]:
        """The subsets that it names."""
        return [name for name in SPLITS if self.content.get(name)]

    def label_files(self, subset: str) -> list[Path]:
        """The text files of one subset, or of all."""
        names = self.splits() if subset == ALL else [subset]
        entries = [entry for name in names for entry in _listed(self.content.get(name))]
        files = [file for entry in entries for file in self._files(entry)]
        if not files and subset == ALL:
            files = sorted((self.root / "labels").rglob("*.txt"))
        return list(dict.fromkeys(files))

    def _files(self, entry: str) -> list[Path]:
        """The label files of a folder of images, or of a list of images."""
        place = self.root / entry
        if not place.exists():  # as some tools write it: "../train/images" beside train/
            place = self.root / entry.removeprefix("../")
        if place.suffix == ".txt":
            with reading(place):
                lines = place.read_text(encoding="utf-8").split("\n")
            images = [place.parent / line.strip() for line in lines if line.strip()]
            return [swapped(image, "images", "labels").with_suffix(".txt") for image in images]
        labels = swapped(place / "x", "images", "labels").parent
        return sorted((labels if is_folder(labels) else place).rglob("*.txt"))


def read_yaml(path: Path) -> dict[str, Any]:
    """The map in a YAML file.

    Raises:
        DataError: it cannot be read, is no map, or has what may take time and memory without end:
            aliases, or more than `DEEPEST` maps and lists in each other.
    """
    import yaml  # slow to import, and few need it

    with reading(path):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        with parsing(path, "not YAML"):
            depth = 0
            for event in yaml.parse(text, yaml.SafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
                    place = f"{path}:{event.start_mark.line + 1}"
                    raise DataError(f"{place}: aliases and deep nesting are not supported")
            content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise DataError(f"{place}: not YAML ({problem or brief(error)})") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: not the YAML of a YOLO data set: its top level is not a mapping")
    return content


def _listed(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else [str(value)]


def swapped(path: Path, one: str, other: str) -> Path:
    """The path with the last folder of that name changed, as YOLO finds labels for images."""
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == one]
    if places:
        parts[places[-1]] = other
    return Path(*parts)
