"""Rows as the model sees them: shown and counted, in a terminal or as a page."""
