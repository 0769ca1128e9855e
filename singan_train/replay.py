"""An iteration as one CUDA graph: the GPU gets hundreds of small kernels at once instead of waiting for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

WARM_UP = 3
"""Iterations that run as they are before one is captured: libraries choose and allocate in them."""


class Replay:
    """A function of tensors: called as it is on the CPU; on a GPU captured after some calls and replayed from then on.

    Every call is a real iteration, those of the warm-up too. Shapes must not change from call to call. The result of
    a replay is overwritten by the next one.
    """

    def __init__(self, function: Callable[..., Tensor], device: torch.device) -> None:
        self.function = function
        self.stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.result: Tensor

    def __call__(self, *batches: object) -> Tensor:
        """The function's result for batches: any nesting of lists and tuples of tensors."""
        if self.stream is None:
            return self.function(*batches)
        self.calls += 1
        if self.calls <= WARM_UP:
            return self._aside(batches)
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

    def _aside(self, batches: tuple[object, ...]) -> Tensor:
        """A call on a stream of its own, which capturing asks of what precedes it."""
        assert self.stream is not None
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            result = self.function(*batches)
        torch.cuda.current_stream().wait_stream(self.stream)
        return result
