"""The singan command: parse, one call, print."""

import os

# Before anything imports numpy: the program shares its work out among threads of its own, as --threads says, and
# numpy's would come on top of them. A library must not do this to its host; a program may.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
