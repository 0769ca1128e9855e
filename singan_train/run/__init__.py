"""The run folder: its header, its scales, its checkpoint, and the photo of the run."""
