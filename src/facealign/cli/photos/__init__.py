"""The verbs that take photos: align, draw, crop, attention; and convert, for their results."""
