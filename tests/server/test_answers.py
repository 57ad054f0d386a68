"""What the server answers: the faces of Python, whichever way a photo comes; every refusal."""

from __future__ import annotations

import base64
import io
import json
import zlib
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from facealign import FaceAligner
from facealign.aligner.many import core_count
from facealign.errors import SettingsError
from facealign.formats.json import SCHEMA_FILE
from facealign.models import DEFAULT
from facealign.server import ServerSettings

SCHEMA = json.loads(SCHEMA_FILE.read_text())
JPEG, JSON, RAW = "image/jpeg", "application/json", "application/octet-stream"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, kind)
    return buffer.getvalue()


def assert_problem(answer: Any, status: int, *words: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    for word in words:
        assert word in problem["detail"]


def test_three_ways_in_give_pythons_faces(server: Any, photo: bytes, form: Any) -> None:
    wanted = [face.to_dict() for face in FaceAligner(threads=1).align(photo)]
    body, kind = form(("photo.jpg", photo))
    answers = [
        server.ask("/v1/align", body, kind),
        server.ask("/v1/align", photo, JPEG),
        server.ask("/v1/align", json.dumps({"image": encoded(photo)}).encode(), JSON),
    ]
    for answer in answers:
        assert (answer.status, answer.headers["content-type"]) == (200, JSON)
        jsonschema.validate(answer.json, SCHEMA)
        (image,) = answer.json["images"]
        assert (image["width"], image["height"], image["error"]) == (512, 512, None)
        assert image["faces"] == wanted
    assert answers[0].json["images"][0]["source"] == "photo.jpg"


def test_of_several_pictures_one_bad_is_reported(server: Any, photo: bytes, form: Any) -> None:
    body, kind = form(("a.jpg", photo), ("bad.jpg", b"no"), ("empty.png", picture(60, 40)))
    answer = server.ask("/v1/align", body, kind)
    assert answer.status == 200
    jsonschema.validate(answer.json, SCHEMA)
    good, bad, empty = answer.json["images"]
    assert len(good["faces"]) == 1
    assert bad["error"].startswith("bad.jpg: not an image")
    assert (empty["source"], empty["faces"], empty["error"]) == ("empty.png", [], None)
    several = {"images": [{"name": n, "image": encoded(photo)} for n in ("x", "y")]}
    answer = server.ask("/v1/align", json.dumps(several).encode(), JSON)
    assert [image["source"] for image in answer.json["images"]] == ["x", "y"]


def test_options_are_pythons(server: Any, photo: bytes) -> None:
    query = "?model=aan-s&markup=celeba5&max_faces=1&min_face=40&measures=true"
    (face,) = server.ask(f"/v1/align{query}", photo, JPEG).json["images"][0]["faces"]
    (known,) = FaceAligner("aan-s", threads=1, markup="celeba5").align(photo)
    assert face["markup"] == "celeba5"
    np.testing.assert_allclose(face["landmarks"], known.landmarks, atol=1e-3)
    assert {"eye_openness_left", "mouth_openness"} <= face["measures"].keys()
    (face,) = server.ask("/v1/align", photo, JPEG).json["images"][0]["faces"]
    assert "measures" not in face


def test_a_model_with_points_of_its_own(start: Any, photo: bytes, make_model: Any) -> None:
    names = ["left_horn", "right_horn", "served_nose"]
    schemes = json.dumps([{"name": "served3", "points": names}])
    points = {"landmarks": np.linspace(0.2, 0.8, 6).reshape(3, 2)}
    model = make_model(points, markup="served3", schemes=schemes)
    with start("--model", str(model)) as served:
        answer = served.ask("/v1/align", photo, JPEG).json
        jsonschema.validate(answer, SCHEMA)
        (image,) = answer["images"]
        assert image["faces"][0]["markup"] == "served3"
        assert image["schemes"][0]["points"] == names
        assert served.ask("/v1/models").json["models"]["made"]["markups"] == ["served3"]
        assert served.ask("/v1/align?model=aan-m", photo, JPEG).json["images"][0]["faces"]
        wanted = served.ask("/v1/align?markup=served3", photo, JPEG).json["images"][0]
        assert len(wanted["faces"][0]["landmarks"]) == 3
        parameters = served.ask("/openapi.json").json["paths"]["/v1/align"]["post"]["parameters"]
        assert "served3" in parameters[1]["schema"]["enum"]
        assert_problem(served.ask(f"/v1/align?model={model}", photo, JPEG), 422, "aan-m")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("model=../../etc/passwd", "aan-m"),
        ("model=/etc/passwd", "aan-m"),
        ("markup=none", "ibug68"),
        ("markup=wflw98", "cannot give"),
        ("min_face=1", "8 to 10000"),
        ("min_face=²", "whole number"),
        ("max_faces=0", "1 to 1000"),
        ("measures=maybe", "true"),
        ("url=http://example.com", "url"),
        ("model=aan-m&model=aan-s", "twice"),
    ],
)
def test_bad_options_are_422(server: Any, photo: bytes, query: str, word: str) -> None:
    from urllib.parse import quote

    answer = server.ask(f"/v1/align?{quote(query, safe='=&/.:')}", photo, JPEG)
    assert_problem(answer, 422, word)


def bomb() -> bytes:
    """A PNG of 30,000 × 30,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    side = (30_000).to_bytes(4)
    head = chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000)))


def test_bad_bodies_have_the_right_codes(server: Any, photo: bytes, form: Any) -> None:
    ask = server.ask
    assert_problem(ask("/v1/align", photo, "text/html"), 415, "text/html", "multipart/form-data")
    assert_problem(ask("/v1/align", photo), 415)
    assert_problem(ask("/v1/align", b"", JPEG), 422, "no picture")
    assert_problem(ask("/v1/align", b"no photo", JPEG), 422, "not an image")
    assert_problem(ask("/v1/align", photo[:5000], JPEG), 422, "damaged")
    assert_problem(ask("/v1/align", bytes(10_000_001), RAW), 413, "10 MB")
    assert_problem(ask("/v1/align", picture(9000, 5000), RAW), 413, "9000 × 5000", "40 million")
    assert_problem(ask("/v1/align", bomb(), RAW), 413, "40 million")
    assert_problem(ask("/v1/align", b"{", JSON), 422, "not JSON")
    for document in ({"image": 3}, {"image": "%%"}, {"images": 5}, {"images": [1]}, [1], {}):
        assert_problem(ask("/v1/align", json.dumps(document).encode(), JSON), 422)
    assert_problem(ask("/v1/align", b'{"images": []}', JSON), 422, "no picture")
    assert_problem(ask("/v1/align", b"x", "multipart/form-data"), 422, "boundary")
    assert_problem(ask("/v1/align", b"x", "multipart/form-data; boundary=a"), 422)
    body, kind = form(("a.jpg", photo), field="file")
    assert_problem(ask("/v1/align", body, kind), 422, '"file"')
    many, kind = form(*[("a.png", picture(4, 4))] * 17)
    assert_problem(ask("/v1/align", many, kind), 422, "at most 16")


def test_other_paths_and_methods_are_problems(server: Any) -> None:
    assert_problem(server.ask("/v1/none"), 404)
    for path, body in (("/v1/models", b"x"), ("/v1/align", None), ("/", b"x")):
        answer = server.ask(path, body, JSON)
        assert_problem(answer, 405)
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed == ({"POST"} if path == "/v1/align" else {"GET", "HEAD"})


def test_limits_unless_others_are_given() -> None:
    settings = ServerSettings()
    assert (settings.slots, settings.queue, settings.timeout) == (core_count(), 16, 30)
    assert (settings.max_bytes, settings.max_pixels, settings.max_images) == (10**7, 4 * 10**7, 16)
    assert (settings.token, settings.origins) == (None, ())
    for wrong in ({"slots": 0}, {"queue": -1}, {"timeout": 0}, {"token": " "}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            ServerSettings(**wrong)


def test_facts_health_and_metrics(server: Any, photo: bytes) -> None:
    models = server.ask("/v1/models").json["models"]
    assert [name for name, facts in models.items() if facts["default"]] == [DEFAULT]
    assert models[DEFAULT]["markups"] == ["ibug68"]
    assert server.ask("/healthz").body == b"ok\n"
    assert server.ask("/readyz").body == b"ready\n"
    before = counts(server.ask("/metrics").body.decode())
    server.ask("/v1/align", photo, JPEG)
    server.ask("/v1/align", b"no", JPEG)
    after = counts(server.ask("/metrics").body.decode())
    rises = {name: value - before.get(name, 0) for name, value in after.items()}
    assert rises['facealign_requests_total{path="/v1/align",status="200"}'] == 1
    assert rises['facealign_requests_total{path="/v1/align",status="422"}'] == 1
    assert rises["facealign_faces_total"] == rises["facealign_images_total"] == 1
    assert rises['facealign_align_seconds_bucket{le="+Inf"}'] == 1
    assert after["facealign_running"] == 0


def counts(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_it_serves_the_page_and_can_leave_it_out(server: Any, start: Any) -> None:
    answer = server.ask("/")
    assert b"Nothing leaves this page" in answer.body
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert server.ask("/ort/ort.wasm.min.mjs").headers["content-type"].startswith("text/javascript")
    with start("--no-page") as bare:
        assert_problem(bare.ask("/"), 404)


def test_a_token_is_asked_for(start: Any, photo: bytes) -> None:
    with start(FACEALIGN_TOKEN="secret") as server:
        for given in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic secret"}):
            for answer in (server.ask("/v1/align", photo, JPEG, **given), server.ask("/metrics")):
                assert_problem(answer, 401, "Bearer")
                assert answer.headers["www-authenticate"] == "Bearer"
        right = {"Authorization": "Bearer secret"}
        assert server.ask("/v1/align", photo, JPEG, **right).status == 200
        assert server.ask("/healthz").status == 200


def test_pages_of_other_sites_may_not_call_unless_allowed(
    server: Any, start: Any, photo: bytes
) -> None:
    other = {"Origin": "https://example.com"}
    answer = server.ask("/v1/align", photo, JPEG, **other)
    assert_problem(answer, 403, "--origin")
    assert "access-control-allow-origin" not in answer.headers
    own = {"Origin": server.address}
    assert server.ask("/v1/align", photo, JPEG, **own).status == 200
    with start("--origin", "https://example.com") as asked:
        answer = asked.ask("/v1/align", photo, JPEG, **other)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == other["Origin"]
        assert asked.ask("/v1/models", Origin="https://evil.example").status == 403


def test_the_openapi_document_is_whole(server: Any) -> None:
    document = server.ask("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    names = [p["name"] for p in document["paths"]["/v1/align"]["post"]["parameters"]]
    assert names == ["model", "markup", "min_face", "max_faces", "measures"]
    for path in document["paths"]:
        if path != "/v1/align":
            assert server.ask(path).status == 200
    components = document["components"]
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {r.split('"')[0] for r in references} <= components["schemas"].keys()
    page = server.ask("/docs").body.decode()
    assert "POST /v1/align" in page
    assert "<script" not in page


def test_answers_are_as_the_openapi_document_says(server: Any, photo: bytes) -> None:
    document = server.ask("/openapi.json").json
    schemas = {"components": document["components"]}
    good = server.ask("/v1/align", photo, JPEG).json
    jsonschema.validate(good, {"$ref": "#/components/schemas/results"} | schemas)
    bad = server.ask("/v1/align", b"", JPEG).json
    jsonschema.validate(bad, {"$ref": "#/components/schemas/problem"} | schemas)
