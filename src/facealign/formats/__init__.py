"""Files of landmarks, in and out: a module a format."""
