"""The singan command: parse, one call, print."""

import os

# Before anything imports numpy: the program shares its work out among threads of its own, as --threads says, and
# numpy's would come on top of them. A library must not do this to its host; a program may.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before anything imports torch: in its OpenMP (libgomp) a thread that waits for another spins 300,000 times before it
# sleeps, which on a busy machine keeps the very thread that it waits for from running. 3000 times are about as quick on
# an idle one. Who has said how threads are to wait (OMP_WAIT_POLICY) is left alone.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
