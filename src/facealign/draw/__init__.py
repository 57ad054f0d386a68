"""Pictures: faces and attention maps on photos, charts of point schemes, figures."""

from facealign.draw.faces import draw_faces, draw_maps

__all__ = ["draw_faces", "draw_maps"]
