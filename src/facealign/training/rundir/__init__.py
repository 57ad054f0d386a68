"""A run's folder: settings, log, checkpoints, fingerprint of the data, environment."""
