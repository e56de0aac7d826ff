"""Ablations of CodeGen, CodeGen2 and CodeGen2.5 in JAX."""

__version__ = "0.1.0"
