"""The singan command: its commands parse, make one call and print."""

import os

# Before anything imports numpy: the program divides its work among threads of its own, as --threads
# says, and those of numpy would come on top. A library must not do this to its host process, a
# program may.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before anything imports ONNX Runtime: from 1.32 on it has telemetry on Linux too, and writes an
# identifier of the device into the user's folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Before anything imports torch: in its OpenMP (libgomp), a thread that waits for another spins
# 300,000 times before it sleeps. On a busy machine, that keeps the very thread that it waits for
# from running. 3000 times are about as quick on an idle machine. A user's own choice of how threads
# wait (OMP_WAIT_POLICY) is left alone.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
