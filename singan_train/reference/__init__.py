"""The importer of the reference's checkpoints, of which nothing is ever executed."""
