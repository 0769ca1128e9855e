"""Files that the runtime writes: films, TIFF, Deep Zoom, datasets, and the text inside pictures."""
