"""One step of training the same network on the same rows, in several ways."""
