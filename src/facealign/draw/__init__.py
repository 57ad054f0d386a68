"""Pictures: faces and attention maps on photos, charts of point schemes, figures."""

from facealign.draw.faces import draw_faces as draw_faces, draw_maps as draw_maps
