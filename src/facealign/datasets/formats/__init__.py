"""Labels in general formats: a module a format, each read into `Sample`s."""
