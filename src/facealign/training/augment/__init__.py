"""Random augmentation of training images: crop, light, camera, occlusion."""
