"""Measures: how good, how varied and how fast pictures are, and the choice of the best."""
