"""What a training step will need of a TPU pod, asked of the compiler before the pod is rented."""
