"""Random changes of the training images: crop, light, camera, occlusion."""
