"""The page in Chromium: photos against Python, every download, no stray request."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import numpy as np
import pytest
from PIL import Image

from facealign import Face, FaceAligner, read_image
from facealign.formats.json import SCHEMA_FILE
from facealign.formats.registry import read_results
from facealign.models import DEFAULT
from facealign.web import write_site

Scenario = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.slow
ORIENTATION = 0x0112
MOST = 0.1
"""Pixels between a point in the browser and in Python."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut_path: Path) -> list[str]:
    """Several kinds and sizes; one without a face, one that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    photo = Image.open(astronaut_path).convert("RGB")
    names = ("as-is.png", "large.png", "gray.png", "clear.png", "camera.jpg", "small.webp")
    paths = [folder / name for name in names]
    photo.save(paths[0])
    photo.resize((1900, 1400)).save(paths[1])
    photo.resize((300, 300)).convert("L").save(paths[2])
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size).point(lambda v: 128 + v // 2))
    clear.save(paths[3])
    photo.resize((800, 800)).save(paths[4], quality=80)
    photo.resize((420, 420)).save(paths[5], quality=80)
    turned = photo.rotate(90, expand=True)
    exif = turned.getexif()
    exif[ORIENTATION] = 6  # as a phone held upright writes it
    turned.save(folder / "phone.png", exif=exif)
    Image.new("RGB", (200, 100), "teal").save(folder / "no face, here.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    rest = [folder / name for name in ("phone.png", "no face, here.png", "broken.jpg")]
    return [str(path) for path in [*paths, *rest]]


@pytest.fixture
def static_host(tmp_path: Path) -> Iterator[str]:
    """The written site below a path of another server, which sends no headers of ours."""
    (tmp_path / "host" / "some").mkdir(parents=True)
    write_site(tmp_path / "host" / "some" / "where")
    handler = partial(QuietHandler, directory=str(tmp_path / "host"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/some/where/"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_any_static_host_will_do(
    browse: Scenario, static_host: str, photos: list[str], tmp_path: Path
) -> None:
    seen = browse("photos", url=static_host, photos=photos[:1], folder=str(tmp_path), model=None)
    assert seen["errors"] == []
    assert not seen["isolated"]  # one thread
    (image,) = json.loads(Path(seen["json"]).read_text())["images"]
    (known,) = FaceAligner(threads=1).align(photos[0])
    np.testing.assert_allclose(image["faces"][0]["landmarks"], known.landmarks, atol=MOST)


def python_faces(photos: list[str], model: str) -> list[list[Face]]:
    aligner = FaceAligner(model, threads=1)
    return [aligner.align(photo) for photo in photos[:-1]]


@pytest.mark.parametrize("model", [DEFAULT, "aan-m", "aan-s"])
def test_photos_give_pythons_landmarks_offline(
    browse: Scenario, photos: list[str], tmp_path: Path, model: str
) -> None:
    other = model if model != DEFAULT else None
    seen = browse("photos", photos=photos, folder=str(tmp_path), model=other)
    assert seen["isolated"]  # threads work
    assert seen["errors"] == []
    assert seen["requests"][seen["loaded"] :] == []  # offline: nothing was even tried
    assert {urlsplit(url).hostname for url in seen["requests"]} == {"127.0.0.1"}
    document = json.loads(Path(seen["json"]).read_text())
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))
    images = document["images"]
    assert [image["source"] for image in images] == [Path(photo).name for photo in photos]
    for image, photo, faces in zip(images, photos, python_faces(photos, model), strict=False):
        assert [image["height"], image["width"]] == list(read_image(photo).shape[:2])
        assert len(image["faces"]) == len(faces)
        for mine, known in zip(image["faces"], faces, strict=True):
            distance = np.linalg.norm(np.array(mine["landmarks"]) - known.landmarks, axis=1)
            assert distance.max() <= MOST, photo
    assert images[-1]["width"] is None
    assert "cannot read it as a picture" in images[-1]["error"]
    assert "7 faces in 8 photos; 1 photo could not be read" in seen["status"]
    assert "No face was found." in seen["lines"]
    check_csv(Path(seen["csv"]), images)
    check_reading(Path(seen["json"]), Path(seen["csv"]))
    check_picture(Path(seen["png"]), Path(photos[0]), images[0]["faces"][0])


def check_reading(document: Path, table: Path) -> None:
    """Python reads both files, and finds the same in them."""
    for one, other in zip(read_results(document), read_results(table), strict=True):
        assert (one.source, one.error) == (other.source, other.error)
        for face, same in zip(one.faces, other.faces, strict=True):
            np.testing.assert_array_equal(face.landmarks, same.landmarks)


def check_csv(path: Path, images: list[dict[str, Any]]) -> None:
    """The table says what the document says."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    faces = [(image, face) for image in images for face in image["faces"] or [None]]
    assert len(rows) == len(faces)
    for row, (image, face) in zip(rows, faces, strict=True):
        assert row["image"] == image["source"]
        assert row["error"] == (image["error"] or "")
        points = [[row[f"x{i}"], row[f"y{i}"]] for i in range(68)]
        wanted = face["landmarks"] if face else [["", ""]] * 68
        if face:
            np.testing.assert_allclose(np.array(points, float), wanted)
        else:
            assert points == wanted


def check_picture(path: Path, photo: Path, face: dict[str, Any]) -> None:
    """The saved picture is the photo at full size, changed where the face is and nowhere else."""
    drawn, plain = read_image(path).astype(int), read_image(photo).astype(int)
    assert drawn.shape == plain.shape
    changed = np.abs(drawn - plain).max(axis=2) > 8
    x0, y0, x1, y1 = (round(v) for v in face["box"])
    inside = changed[y0 - 15 : y1 + 20, x0 - 15 : x1 + 15]
    assert 0.02 < inside.mean() < 0.7
    assert changed.sum() == inside.sum()
    bright = [drawn[round(y), round(x)].min() for x, y in face["landmarks"]]
    assert np.mean(np.array(bright) > 180) > 0.9  # a white dot at each point


def test_every_width_fits_in_light_and_dark(browse: Scenario, tmp_path: Path) -> None:
    seen = browse("looks", folder=str(tmp_path))
    assert seen["errors"] == []
    assert all(width == int(name.split("-")[1]) for name, width in seen["widths"].items())
    assert seen["changed"]  # the attention map covers the face
    assert seen["hovered"].startswith("Point ")
    light, dark = (read_image(tmp_path / f"{name}-360.png")[5, 5] for name in ("light", "dark"))
    assert light.min() > 200
    assert dark.max() < 60
