"""Hand-written device programs."""
