"""The processor, the GPUs, and the libraries by which a GPU is reached."""

from __future__ import annotations

import os
import platform
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from singan_core.processors import count_processors

FEATURES = (
    *("avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16", "sve"),
)
"""What ONNX Runtime and PyTorch look for in a processor, as Linux names it."""

LIBRARIES = {
    "NVIDIA driver": ("libcuda.so.1", "nvcuda.dll"),
    "CUDA": ("libcudart.so.1?", "cudart64_1?.dll"),
    "cuBLAS": ("libcublas.so.1?", "cublas64_1?.dll"),
    "cuDNN": ("libcudnn.so.9", "cudnn64_9.dll"),
    "TensorRT": ("libnvinfer.so.1?", "nvinfer_1?.dll"),
}
"""Files by what they belong to, on Linux and on Windows."""

_FOLDERS = (
    *("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"),
    *("/usr/local/cuda/lib64", "/usr/lib/wsl/lib", "C:/Windows/System32"),
)
_IN_PACKAGES = ("nvidia/*/lib", "nvidia/*/bin", "tensorrt_libs", "torch/lib")
_PATIENCE = 10  # seconds that nvidia-smi may take


@dataclass(frozen=True)
class Processor:
    """The processor of this machine."""

    name: str
    machine: str  # its architecture
    usable: int  # processors that this process may use
    features: tuple[str, ...]


def describe_processor(file: Path = Path("/proc/cpuinfo")) -> Processor:
    """Describe the processor. Its features are known where Linux lists them in a file."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    flags = re.search(r"^(?:flags|Features)\s*:(.*)", text, re.MULTILINE)
    name = re.search(r"^model name\s*:(.*)", text, re.MULTILINE)
    known = flags[1].split() if flags else []

    said = name[1].strip() if name else platform.processor()
    features = tuple(one for one in FEATURES if one in known)
    return Processor(said or "unknown", platform.machine(), count_processors(), features)


def list_gpus(columns: str = "name,memory.total,driver_version") -> list[str]:
    """List the NVIDIA GPUs that the driver sees, by columns of nvidia-smi."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    words = [program, f"--query-gpu={columns}", "--format=csv,noheader"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return []
    return said.stdout.strip().splitlines() if said.returncode == 0 else []


def name_gpu() -> str:
    """Name the first NVIDIA GPU and its compute capability: what an engine is built for.

    The name is empty where there is none.
    """
    return next(iter(list_gpus("name,compute_cap")), "")


def find_libraries() -> dict[str, str | None]:
    """Find the libraries by which NVIDIA's GPUs are reached: a file of each, or None."""
    found: dict[str, str | None] = dict.fromkeys(LIBRARIES)
    for folder in list_folders():
        for name, patterns in LIBRARIES.items():
            files = [file for pattern in patterns for file in folder.glob(pattern)]
            if files and found[name] is None:
                found[name] = str(files[0])
    return found


def list_folders() -> Iterator[Path]:
    """List the folders that may hold libraries: of packages, of the environment, of the system."""
    places = [*site.getsitepackages(), site.getusersitepackages()]
    for pattern in _IN_PACKAGES:
        for place in places:
            yield from sorted(Path(place).glob(pattern))

    variable = "PATH" if sys.platform == "win32" else "LD_LIBRARY_PATH"
    words = [word for word in os.environ.get(variable, "").split(os.pathsep) if word]
    yield from (Path(word) for word in (*words, *_FOLDERS) if Path(word).is_dir())
