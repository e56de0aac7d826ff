"""A checkpoint in the hands of other people's tools."""
