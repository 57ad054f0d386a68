"""Occlusion of faces by rectangles, ellipses, fingers, sunglasses and face masks.

Each shape is a mask over images (b, 3, S, S), made from a row of uniform numbers in 0..1 for each
image. Its filling comes from other numbers, never from another image.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.markup import Markup
from facealign.training.augment.camera import noise_like
from facealign.training.augment.light import between, pixel_grid

ROUGHEST, FINEST = 8, 32
"""Cells along a side of the two textures."""
Occluded = tuple[Tensor, Tensor]
"""Images, and their masks (b, S, S)."""
MOUTH = ("right_mouth_corner", "left_mouth_corner")


def face_anchors(markup: Markup, landmarks: Tensor, labelled: Tensor) -> Tensor:
    """Right eye, left eye, mouth (b, 3, 2), to place glasses and masks; NaN where not known.

    From landmarks (b, K, 2), fractions of the crop, and labelled (b, K) bool.
    """
    if markup.eye_points is None or not set(MOUTH) <= set(markup.names):
        return landmarks.new_full((len(landmarks), 3, 2), torch.nan)
    corners = [markup.names.index(name) for name in MOUTH]
    groups = [list(points) for points in (*markup.eye_points, corners)]
    places = torch.stack([landmarks[:, points].mean(dim=1) for points in groups], dim=1)
    known = torch.stack([labelled[:, points].all(dim=1) for points in groups], dim=1)
    return places.where(known[..., None], torch.nan)


def covered_points(covered: Tensor, landmarks: Tensor) -> Tensor:
    """(b, K) bool: which landmarks (b, K, 2), fractions of the crop, lie on pixels (b, S, S)."""
    size = covered.shape[-1]
    places = ((landmarks + 0.5) * size).floor().long()
    inside = ((places >= 0) & (places < size)).all(dim=-1)
    x, y = places.clamp(0, size - 1).unbind(dim=-1)
    return covered.flatten(1).gather(1, y * size + x) & inside


def occlude(images: Tensor, numbers: Tensor, anchors: Tensor, grain: Tensor) -> Occluded:
    """An object anywhere in front of the face; the images and its mask."""
    mask = random_shape(images, numbers[:, :7])
    return fill_texture(images, mask, numbers[:, 7:], grain), mask


def add_sunglasses(images: Tensor, numbers: Tensor, anchors: Tensor, grain: Tensor) -> Occluded:
    """Sunglasses; the images and their mask."""
    mask = sunglasses_shape(images, numbers[:, :2], anchors)
    return fill_plain(images, mask, numbers[:, 2:], 0.0, 0.3), mask


def add_face_mask(images: Tensor, numbers: Tensor, anchors: Tensor, grain: Tensor) -> Occluded:
    """A face mask over nose, mouth and chin; the images and its mask."""
    mask = face_mask_shape(images, numbers[:, :2], anchors)
    return fill_plain(images, mask, numbers[:, 2:], 0.0, 1.0), mask


OCCLUDERS: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor], Occluded]] = {
    "sunglasses": add_sunglasses,
    "face_mask": add_face_mask,
    "occlude": occlude,
}
"""Setting → occluder, the nearest to the camera last."""


def random_shape(images: Tensor, numbers: Tensor) -> Tensor:
    """(b, S, S) bool: a rectangle, an ellipse or fingers anywhere; numbers (b, 7)."""
    x, y = pixel_grid(images)
    centre = numbers[:, :2, None, None] - 0.5
    angle = between(numbers[:, 2], 0, math.pi)[:, 0]
    x, y = x - centre[:, 0], y - centre[:, 1]
    u, v = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    half = 0.05 + 0.2 * numbers[:, 3:5, None, None]
    across, along = (u / half[:, 0]).square_(), (v / half[:, 1]).square_()
    kind = numbers[:, 5, None, None]
    figure = torch.where(kind < 1 / 3, torch.maximum(across, along), across.add_(along))
    return torch.where(kind > 2 / 3, _fingers(u, v, numbers), figure) < 1


def _fingers(u: Tensor, v: Tensor, numbers: Tensor) -> Tensor:
    """Below 1 within 1 to 4 parallel fingers along u, the middle ones longest."""
    count = (1 + 4 * numbers[:, 6, None, None]).floor_().clamp_max_(4)
    width, length = 0.07 + 0.04 * numbers[:, 3, None, None], 0.15 + 0.25 * numbers[:, 4, None, None]
    place = v / width + (count - 1) / 2
    finger = place.round().maximum(torch.zeros_like(count)).minimum(count - 1)
    shorter = 0.03 * (finger - (count - 1) / 2).square()
    beyond = (u.abs() - (length - shorter)).clamp_min_(0)
    return (beyond.square_() + ((place - finger) * width).square_()) / (0.46 * width) ** 2


def sunglasses_shape(images: Tensor, numbers: Tensor, anchors: Tensor) -> Tensor:
    """(b, S, S) bool: two lenses over the eyes, bridge and temples; numbers (b, 2)."""
    u, v = face_frame(images, anchors)
    half = [0.28 + 0.14 * numbers[:, 0, None, None], 0.18 + 0.14 * numbers[:, 1, None, None]]
    side = u.abs()
    lens = ((side - 0.5) / half[0]) ** 4 + ((v - 0.03) / half[1]) ** 4 < 1
    return lens | ((side < 1.05) & ((v + 0.06).abs() < 0.05))


def face_mask_shape(images: Tensor, numbers: Tensor, anchors: Tensor) -> Tensor:
    """(b, S, S) bool: from the nose over mouth and chin; numbers (b, 2)."""
    u, v = face_frame(images, anchors)
    top = 0.35 + 0.3 * numbers[:, 0, None, None]
    half = 0.85 + 0.25 * numbers[:, 1, None, None]
    outline = (u / half).square() + ((v - 0.9) / 1.05).square() < 1
    return outline & (v > top + 0.15 * u.square())


def face_frame(images: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
    """(b, S, S) each: the pixels' coordinates across and down the face.

    The eyes lie at (∓½, 0), the mouth at (0, 1). NaN where an anchor is unknown: every comparison
    is false there, so nothing is covered.
    """
    x, y = pixel_grid(images)
    right, left, mouth = (anchors[:, i, :, None, None] for i in range(3))
    middle = (right + left) / 2
    across, down = left - right, mouth - middle
    area = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    area = area.where(area > 1e-4, torch.nan)  # a profile, or a mirrored or degenerate face
    x, y = x - middle[:, 0], y - middle[:, 1]
    u, v = x * down[:, 1] - y * down[:, 0], y * across[:, 0] - x * across[:, 1]
    return u / area, v / area


def fill_texture(images: Tensor, mask: Tensor, numbers: Tensor, grain: Tensor) -> Tensor:
    """Fill the mask with colour, texture, or another part of the same image; numbers (b, 9).

    `grain` are normal numbers (n,) shared by the batch.
    """
    strength = between(numbers[:, 4:6], -0.25, 0.25).clamp_min_(0)  # 0 in half of the images
    noise = noise_like(grain, numbers[:, 3], images)
    fill = numbers[:, :3, None, None] + strength[:, :1] * texture(noise) + strength[:, 1:] * noise
    copied = (numbers[:, 6] < 1 / 3).nonzero()[:, 0]
    fill[copied] = rolled(images[copied], numbers[copied, 7:9])
    return torch.where(mask[:, None], fill, images)


def texture(noise: Tensor) -> Tensor:
    """(b, 1, S, S) smooth blotches of two sizes, made from pixel noise (b, 3, S, S)."""
    size = noise.shape[-1]
    layers = [
        noise[:, i : i + 1, : min(cells, size), : min(cells, size)]
        for i, cells in enumerate((ROUGHEST, FINEST))
    ]
    rough, fine = (F.interpolate(layer, size, mode="bilinear") for layer in layers)
    return rough + fine


def rolled(images: Tensor, numbers: Tensor) -> Tensor:
    """Each image shifted with wrap-around by fractions of its side, and upside down."""
    size = images.shape[-1]
    steps = torch.arange(size, device=images.device)
    column, row = ((steps + (numbers[:, i : i + 1] * size).long()) % size for i in range(2))
    rows = row.flip(-1)[:, None, :, None].expand(-1, 3, -1, size)
    columns = column[:, None, None].expand(-1, 3, size, -1)
    return images.gather(2, rows).gather(3, columns)


def fill_plain(
    images: Tensor, mask: Tensor, numbers: Tensor, darkest: float, lightest: float
) -> Tensor:
    """Fill the mask with a plain colour, lighter to one side; numbers (b, 5)."""
    x, y = pixel_grid(images)
    gray = between(numbers[:, 0], darkest, lightest)
    tint = between(numbers[:, 1:4], -0.12, 0.12)
    light = (0.3 * (numbers[:, 4, None, None] - 0.5)) * (x + y)
    return torch.where(mask[:, None], gray + tint + light[:, None], images)
