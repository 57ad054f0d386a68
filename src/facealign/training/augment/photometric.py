"""How the images of a batch look: covered, lit, blurred, pressed into a file, by random numbers.

The numbers of a whole batch are drawn at once and a row of them decides one image, whatever the
other images are: a part of the batch (`rows`) looks as it would within the whole. Each look has
numbers of its own, so that switching one on leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from facealign.training.augment import camera, light, occlusion
from facealign.training.settings import AugmentSettings

MEAN, STD = 0.5, 0.25
"""The network sees (value / 255 − MEAN) / STD."""
NUMBERS = {
    "occlude": 17,
    "sunglasses": 8,
    "face_mask": 8,
    "shadow": 5,
    "colour": 6,
    "gray": 1,
    "blur": 2,
    "motion": 3,
    "low_resolution": 2,
    "noise": 3,
    "jpeg": 2,
}
"""Look → how many numbers it takes; but for "colour" the first says whether an image has it."""
NOISY = 0.5
"""Share of the images with pixel noise."""


@dataclass(frozen=True)
class Looks:
    """The random numbers that decide how the images of a batch look.

    Attributes:
        numbers: (B, sum of NUMBERS) uniform in 0..1.
        grain: (6·S²,) normal numbers, of which every image takes a part as its noise.
        settings: which looks, how often, how strong.

    """

    numbers: Tensor
    grain: Tensor
    settings: AugmentSettings

    def rows(self, rows: slice | Tensor) -> Looks:
        """The looks of some of the images, by a slice or their numbers."""
        return Looks(self.numbers[rows], self.grain, self.settings)

    def apply(self, images: Tensor, anchors: Tensor) -> Tensor:
        """Change images (B, 3, S, S) in 0..1, in place.

        Args:
            images: of the batch.
            anchors: (B, 3, 2) right eye, left eye, mouth, as fractions of the crop; NaN where not
                known.

        Returns:
            (B, S, S) bool, the pixels that something covers.

        """
        covered = self._cover(images, anchors)
        self._change(images, "shadow", light.cast_shadow)
        if self.settings.colour:
            light.recolour(images, self._numbers("colour"), self.settings.colour)
        self._change(images, "gray", light.to_gray)
        self._change(images, "blur", camera.blur)
        self._change(images, "motion", camera.move)
        self._change(images, "low_resolution", camera.lower_resolution)
        self._add_noise(images)
        self._change(images, "jpeg", camera.compress)
        images.clamp_(0, 1)
        return covered

    def _cover(self, images: Tensor, anchors: Tensor) -> Tensor:
        """What is worn, then what is before the face; (B, S, S) the pixels of both."""
        covered = images.new_zeros(len(images), *images.shape[2:], dtype=torch.bool)
        for name, cover in occlusion.COVERS.items():
            rows, numbers = self._chosen(name, getattr(self.settings, name))
            if len(rows):
                part = images.index_select(0, rows)
                part, mask = cover(part, numbers, anchors.index_select(0, rows), self.grain)
                images.index_copy_(0, rows, part)
                covered[rows] |= mask
        return covered

    def _add_noise(self, images: Tensor) -> None:
        """Gaussian, over some of the images, of a strength drawn for each."""
        rows, numbers = self._chosen("noise", NOISY if self.settings.noise else 0.0)
        if len(rows):
            strength = light.between(numbers[:, 0], 0, self.settings.noise / 255)
            grain = camera.grain_of(self.grain, numbers[:, 1], images)
            images.index_add_(0, rows, grain.mul_(strength))

    def _change(
        self, images: Tensor, name: str, change: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        """Change the images that have the look, with the probability that its setting says."""
        rows, numbers = self._chosen(name, getattr(self.settings, name))
        if len(rows):
            images.index_copy_(0, rows, change(images.index_select(0, rows), numbers))

    def _chosen(self, name: str, probability: float) -> tuple[Tensor, Tensor]:
        """The images that have a look, and their numbers for it."""
        numbers = self._numbers(name)
        if not probability:  # a GPU would wait for `nonzero`
            return numbers.new_zeros(0, dtype=torch.long), numbers[:0]
        rows = (numbers[:, 0] < probability).nonzero()[:, 0]
        return rows, numbers[rows, 1:]

    def _numbers(self, name: str) -> Tensor:
        """(B, NUMBERS[name]) the columns of one look."""
        first = sum(list(NUMBERS.values())[: list(NUMBERS).index(name)])
        return self.numbers[:, first : first + NUMBERS[name]]


def random_looks(count: int, size: int, settings: AugmentSettings, generator: Generator) -> Looks:
    """Random looks for images (count, 3, size, size), on the generator's device."""
    device = generator.device
    numbers = torch.rand(count, sum(NUMBERS.values()), generator=generator, device=device)
    grain = torch.randn(6 * size * size, generator=generator, device=device)
    return Looks(numbers, grain, settings)
