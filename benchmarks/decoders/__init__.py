"""Ways to complete the same prompts with the same weights."""
