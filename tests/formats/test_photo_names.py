"""Names of photos in files of labels and results: of other machines, in other letters."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from facealign.errors import DataError
from facealign.formats.photo_table import PhotoNames, PhotoTable, the_one

NFC, NFD = (unicodedata.normalize(form, "Zoë.jpg") for form in ("NFC", "NFD"))
WINDOWS = r"C:\Users\me\photos"


def chosen(path: str, names: list[str], paths: list[str] | None = None) -> str | None:
    return the_one(path, PhotoNames(names), PhotoNames(paths or [path]))


@pytest.mark.parametrize(
    ("path", "names", "right"),
    [
        ("/x/1.jpg", ["1.jpg", "2.jpg"], 0),
        ("/x/b/1.jpg", ["1.jpg", "b/1.jpg", "a/1.jpg"], 1),
        ("/x/c/1.jpg", ["b/1.jpg"], None),  # it says the folder
        ("/x/1.jpg", [rf"{WINDOWS}\1.jpg", rf"{WINDOWS}\2.jpg"], 0),
        ("/x/photos/1.jpg", [rf"{WINDOWS}\1.jpg", r"C:\Users\me\other\1.jpg"], 0),
        ("/x/1.jpg", ["/Users/me/1.jpg"], 0),
        ("/x/1.jpg", ["file:///Users/me/my%20photos/1.jpg"], 0),
        ("/x/1.jpg", ["./1.jpg"], 0),
        ("/x/1.jpg", ["../photos/../1.jpg"], 0),
        ("/x/IMG.JPG", ["img.jpg"], 0),
        ("/x/IMG.jpg", ["img.jpg", "IMG.jpg"], 1),
        (
            f"/x/{unicodedata.normalize('NFD', 'Zoë.jpg')}",
            [unicodedata.normalize("NFC", "Zoë.jpg")],
            0,
        ),
        ("/x/cat.jpg", ["/data/upload/1/0a1b2c3d-cat.jpg"], 0),
        ("/x/0a1b2c3d-cat.jpg", ["/data/upload/1/0a1b2c3d-cat.jpg", "cat.jpg"], 0),
        ("/x/11.jpg", ["1.jpg", ""], None),
    ],
)
def test_the_longest_common_ending(path: str, names: list[str], right: int | None) -> None:
    assert chosen(path, names) == (None if right is None else names[right])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/x/1.jpg", [rf"{WINDOWS}\a\1.jpg", rf"{WINDOWS}\b\1.jpg"]),
        ("/x/iMG.jpg", ["img.jpg", "IMG.jpg"]),
        ("/x/cat.jpg", ["/u/0a1b2c3d-cat.jpg", "/u/ffffffff-cat.jpg"]),
    ],
)
def test_what_may_mean_two_is_refused_with_both(path: str, names: list[str]) -> None:
    with pytest.raises(DataError) as raised:
        chosen(path, names)
    assert all(name in str(raised.value) for name in [path, *names])


def test_an_entry_of_another_machine_belongs_to_the_photo_most_like_it() -> None:
    photos, names = ["/x/b/1.jpg", "/x/a/1.jpg"], [r"C:\b\1.jpg"]
    assert chosen(photos[0], names, photos) == names[0]
    assert chosen(photos[1], names, photos) is None
    with pytest.raises(DataError, match=r"may be /x/c/1.jpg or /x/a/1.jpg"):
        chosen("/x/c/1.jpg", [r"C:\b\1.jpg"], ["/x/c/1.jpg", "/x/a/1.jpg"])


def test_a_table_knows_photos_by_full_path(tmp_path: Path) -> None:
    entries = {"1.jpg": [1], "./1.jpg": [2], "b/1.jpg": [3], r"D:\c\2.jpg": [4]}
    photos = [tmp_path / name for name in ("1.jpg", "a/1.jpg", "b/1.jpg", "2.jpg")]
    table = PhotoTable(entries, "box", Path("boxes.csv")).expect(photos)
    assert [table.of(photo) for photo in photos] == [[1, 2], [1, 2], [3], [4]]
    with pytest.raises(DataError, match=r"no box for it in boxes\.csv"):
        table.of(tmp_path / "3.jpg")
