"""Training: `run` goes through the `stages`, each with one of the `trainers` in the `loop`."""
