"""The singan command: parse, one call, print."""
