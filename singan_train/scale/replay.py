"""An iteration as one CUDA graph: the GPU gets hundreds of small kernels in one launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

WARM_UP = 3
"""Iterations that run kernel by kernel before one is captured.

In them libraries choose their algorithms and allocate memory.
"""


class GraphReplay:
    """A function of tensors that a GPU replays as one CUDA graph.

    A CPU simply calls it. On a GPU the first WARM_UP calls run kernel by kernel. The next one is
    captured, and replayed from then on. Every call is a real iteration, those of the warm-up too.
    The shapes must not change from call to call, and the result of a replay is overwritten by the
    next one.
    """

    def __init__(self, function: Callable[..., Tensor], device: torch.device) -> None:
        self.function = function
        self.stream: Any = None
        if device.type == "cuda":
            self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.result: Tensor

    def __call__(self, *batches: object) -> Tensor:
        """Return the function's result for batches: any nesting of lists and tuples of tensors."""
        if self.stream is None:
            return self.function(*batches)
        self.calls += 1
        if self.calls <= WARM_UP:
            return self._call_on_own_stream(batches)

        tensors, form = pytree.tree_flatten(batches)
        if self.graph is None:
            self.inputs = [tensor.clone() for tensor in tensors]
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.result = self.function(*pytree.tree_unflatten(self.inputs, form))
        else:
            torch._foreach_copy_(self.inputs, tensors)
        self.graph.replay()
        return self.result

    def _call_on_own_stream(self, batches: tuple[object, ...]) -> Tensor:
        """Call the function on a side stream, as CUDA requires of the calls before a capture."""
        assert self.stream is not None
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            result = self.function(*batches)
        torch.cuda.current_stream().wait_stream(self.stream)
        return result
