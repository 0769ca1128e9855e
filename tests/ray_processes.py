"""The processes that Ray starts below one of ours: its workers, and where they listen."""

import socket
import struct
from contextlib import suppress
from pathlib import Path


def find_parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def is_below(pid: int, top: int) -> bool:
    while pid > 1 and pid != top:
        pid = find_parent(pid)
    return pid == top


def list_below(top: int) -> list[int]:
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in pids if is_below(pid, top)]


def find_workers(top: int, function: str) -> list[int]:
    """The workers below a process that run a function at this moment."""
    found = []
    for pid in list_below(top):
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(f"ray::{function}".encode()):
                found.append(pid)
    return found


def list_sockets(top: int) -> set[str]:
    """The inodes of the sockets that a process and those below it hold."""
    found = set()
    for pid in list_below(top):
        with suppress(OSError):
            for path in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    found.add(str(path.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def list_addresses(top: int) -> list[str]:
    """The addresses at which a process and those below it listen, or from which they connect."""
    own = list_sockets(top)
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, *_, inode = line.split()[:10]
            if inode in own:
                digits = local.partition(":")[0]
                words = [digits[i : i + 8] for i in range(0, len(digits), 8)]
                packed = b"".join(struct.pack("=I", int(word, 16)) for word in words)
                found.append(socket.inet_ntop(family, packed))
    return found
