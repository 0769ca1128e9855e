"""Detail levels: the photo's own pixels, copied by coherent patches, in whole numbers only.

A picture is built coarse to fine, as in GPNN: at small levels every patch of the picture (a query)
searches the whole photo for its nearest neighbour; at larger ones a pixel compares a few
candidates, as in k-coherence. In the order in which a picture is drawn:

    photo.py         the photo at the size of every level, with the tables below
    tables.py        how the photo lies in look-up tables, and how votes are packed into one number
    patches.py       features of 7x7 patches, by which patches are compared
    resize.py        the 8-bit resampler
    maps.py          the nearest-neighbour field, called map: the position that each pixel shows
    search.py        searched levels: the score of every patch of the photo, the least wins
    propagation.py   then neighbours' positions are tried, so that coherent pieces grow
    coherence.py     copied levels: the best of a few candidates
    votes.py         the picture of a map: weighted means of what overlapping patches show
    kept_objects.py  objects of the photo that stay whole; clearing.py makes room for them
    original.py      a picture of the user's that the drawing follows
    super_resolution.py  detail above the photo's own size
    searched.py, drawing.py  the loop over the levels, for any region of the picture
    labels.py, store.py  masks of the picture, files of a bundle

Pictures are uint8 (h, w, C), colours straight unless stated. Float32 serves as a fast integer:
every sum stays below 2^24, where it is exact in any order, so that every processor, number of
threads and window gives the same bytes. docs/detail.md has the arithmetic.
"""
