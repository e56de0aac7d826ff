"""Saving a run and finding it again: every file of a step has its hash, and none is believed."""
