"""Detail levels: the photo's own pixels, carried along by coherent patches. From the hand-over on all is integers.

Pictures are uint8 (h, w, C), colours straight; a map holds for every pixel the (row, column) of the photo, at the
level's size, that it shows. Float32 serves as a fast integer: every sum stays below 2^24, where it is exact in any
order, so that every processor, thread count and window gives the same bytes. docs/detail.md has the arithmetic.
"""
