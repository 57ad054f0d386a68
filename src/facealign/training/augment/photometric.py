"""Photometric augmentation of a batch: occlusion, light, blur, noise, compression.

The random numbers of the whole batch are drawn at once, and one row of them decides one image,
whatever the other images are. Each augmentation has its own columns, so switching one on leaves the
others as they were.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
"""Augmentation → columns it uses; the first decides whether an image gets it, except "colour"."""
NOISY = 0.5
"""Share of images with pixel noise."""


@dataclass(frozen=True)
class Photometric:
    """The random numbers that decide the photometric augmentation of a batch.

    Attributes:
        numbers: (B, sum of NUMBERS) uniform in 0..1.
        grain: (6·S²,) normal numbers; each image takes a window of them as its noise.
        settings: which augmentations, how often, how strong.
    """

    numbers: Tensor
    grain: Tensor
    settings: AugmentSettings

    def __getitem__(self, rows: slice | Tensor) -> "Photometric":
        return replace(self, numbers=self.numbers[rows])

    def apply(self, images: Tensor, anchors: Tensor) -> Tensor:
        """Change images (B, 3, S, S) in 0..1, in place; (B, S, S) bool, the occluded pixels.

        `anchors` are those of `occlusion.face_anchors`, (B, 3, 2).
        """
        covered = self._occlude(images, anchors)
        self._change(images, "shadow", light.add_shadow)
        if self.settings.colour:
            light.color_jitter(images, self._numbers("colour"), self.settings.colour)
        self._change(images, "gray", light.to_grayscale)
        self._change(images, "blur", camera.gaussian_blur)
        self._change(images, "motion", camera.motion_blur)
        self._change(images, "low_resolution", camera.downscale)
        self._add_noise(images)
        self._change(images, "jpeg", camera.jpeg_compression)
        images.clamp_(0, 1)
        return covered

    def _occlude(self, images: Tensor, anchors: Tensor) -> Tensor:
        """Add what is worn, then what is in front of the face; (B, S, S) the occluded pixels."""
        covered = images.new_zeros(len(images), *images.shape[2:], dtype=torch.bool)
        for name, occlude in occlusion.OCCLUDERS.items():
            rows, numbers = self._chosen(name, getattr(self.settings, name))
            if len(rows):
                part = images.index_select(0, rows)
                part, mask = occlude(part, numbers, anchors.index_select(0, rows), self.grain)
                images.index_copy_(0, rows, part)
                covered[rows] |= mask
        return covered

    def _add_noise(self, images: Tensor) -> None:
        """Add Gaussian noise of random strength to some of the images."""
        rows, numbers = self._chosen("noise", NOISY if self.settings.noise else 0.0)
        if len(rows):
            strength = light.between(numbers[:, 0], 0, self.settings.noise / 255)
            grain = camera.noise_like(self.grain, numbers[:, 1], images)
            images.index_add_(0, rows, grain.mul_(strength))

    def _change(
        self, images: Tensor, name: str, change: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        """Change some of the images, with the probability in the settings."""
        rows, numbers = self._chosen(name, getattr(self.settings, name))
        if len(rows):
            images.index_copy_(0, rows, change(images.index_select(0, rows), numbers))

    def _chosen(self, name: str, probability: float) -> tuple[Tensor, Tensor]:
        """The images that get an augmentation, and their numbers for it."""
        numbers = self._numbers(name)
        if not probability:  # `nonzero` would make a GPU wait
            return numbers.new_zeros(0, dtype=torch.long), numbers[:0]
        rows = (numbers[:, 0] < probability).nonzero()[:, 0]
        return rows, numbers[rows, 1:]

    def _numbers(self, name: str) -> Tensor:
        """(B, NUMBERS[name]) the columns of one augmentation."""
        first = sum(list(NUMBERS.values())[: list(NUMBERS).index(name)])
        return self.numbers[:, first : first + NUMBERS[name]]


def random_photometric(
    count: int, size: int, settings: AugmentSettings, generator: Generator
) -> Photometric:
    """Random numbers for images (count, 3, size, size), on the generator's device."""
    device = generator.device
    numbers = torch.rand(count, sum(NUMBERS.values()), generator=generator, device=device)
    grain = torch.randn(6 * size * size, generator=generator, device=device)
    return Photometric(numbers, grain, settings)
