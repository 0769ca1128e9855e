"""Write a model with detail as one ONNX graph.

How to read it: writer.py collects nodes, values.py lets them be written like numpy expressions, and
picture.py puts the whole together. In between, each module writes what a module of singan_core
computes: noise that of noise.py, sizes that of pyramid.py, and resize, patches, search, votes,
coherence and labels those of the same names in detail/. The graph does all the work everywhere;
the numpy engine skips what cannot change one.
"""
