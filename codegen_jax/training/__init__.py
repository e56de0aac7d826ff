"""From a batch to a trained checkpoint."""
