"""Serialized TensorRT engines of a model's generators, in the cache of the user who built them."""
