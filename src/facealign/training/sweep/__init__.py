"""Many short runs, their settings chosen by Optuna: what a sweep searches, and its trials."""
