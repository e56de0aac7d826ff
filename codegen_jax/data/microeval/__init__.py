"""MicroEval: small functions, generated, whose held-out compositions are never trained on.

primitives.py    the steps: what each says and how it is written
compositions.py  which steps follow one another, and which of these are held out
reference.py     what steps do, told apart from how they are written
cases.py         inputs that tell a function from what is nearly it
functions.py     an index -> a function: prompt, solution, tests
docstrings.py  bodies.py   its two halves, in several forms
documents.py     the functions as a corpus: small modules
"""
