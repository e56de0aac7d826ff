"""FLAN: many tasks phrased as instructions, whole kinds of task held out (arXiv 2109.01652).

`from tasks.flan import mixtures` registers all of it; docs/flan.md tells the names.
"""
