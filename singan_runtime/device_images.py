"""Images that stay on a device between the generators of a picture.

What a generator draws is bound to the device's memory, resampled there for the next scale, and
bound again. Only noise goes in and only the last image comes out. The images are those of
Graphs.generate and singan_core.cascade.enlarge bit for bit where the device rounds as they do, as
ONNX Runtime's CPU provider does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from singan_core import HALO, cascade, windows
from singan_core.arrays import Reals
from singan_core.resample import Taps, compute_taps
from singan_core.windows import Region, Step, Wrap
from singan_runtime import devices
from singan_runtime.enlarge_graph import TAPS, write_graph
from singan_runtime.graphs import BLOCK, DTYPES, Graphs, check_numbers, explain_failure
from singan_runtime.plan import Plan
from singan_runtime.providers import Provider


class DeviceImage:
    """An image (B, C, h, w), or a prev, in the memory of a device."""

    def __init__(self, value: Any) -> None:
        self.value = value  # an OrtValue
        self.shape: tuple[int, ...] = tuple(value.shape())
        self.dtype = np.dtype(DTYPES[value.data_type()])

    def copy_to_host(self) -> Reals:
        """Copy it into an array."""
        copied: Reals = self.value.numpy()
        return copied


Image = Reals | DeviceImage


class DeviceCascade:
    """The generators of a bundle and the resampler between them, on one device."""

    def __init__(self, graphs: Graphs, provider: Provider) -> None:
        self.graphs = graphs
        self.provider = provider
        self._resamplers: dict[np.dtype[Any], Any] = {}

    def run(self, picture: Plan, noise: cascade.Draw, region: Region | None = None) -> Reals:
        """Draw what the generators make of a picture, or a region of it, (1, C, h, w).

        Raises BundleError for graphs that fail or make values that are not numbers.
        """
        passes, base, wrap = picture.passes, picture.base, picture.wrap
        drawn = cascade.run(
            passes, self.generate, noise, base, region, wrap, enlarge_image=self.enlarge
        )
        image = copy_to_host(drawn)
        check_numbers(self.graphs.find_path(passes[-1].generator), image)
        return image

    def generate(self, scale: int, noise: Reals, prev: Image) -> Image:
        """Draw one generator's image (B, C, H, W) from noise and prev (B, C, H+10, W+10).

        An image larger than a block is drawn in blocks, and comes back to the host.
        """
        if max(prev.shape[-2:]) > BLOCK + 2 * HALO:
            return self.graphs.generate(scale, noise, copy_to_host(prev))

        session = self.graphs.session(scale)
        dtype = self.graphs.find_dtype(scale)
        given = prev if isinstance(prev, DeviceImage) else np.asarray(prev, dtype)
        inputs: dict[str, Image] = {"noise": np.asarray(noise, dtype), "prev": given}
        try:
            return self._run(session, inputs, "image")
        except Exception as error:  # the library's own exceptions share no public base
            raise explain_failure(self.graphs.find_path(scale), error) from error

    def enlarge(self, image: Image, have: Region, step: Step, wrap: Wrap) -> Image:
        """Enlarge an image to the step's prev, as singan_core.cascade.enlarge does.

        An axis that shrinks has more taps and is resampled on the host.
        """
        if not isinstance(image, DeviceImage):
            return cascade.enlarge(image, have, step, wrap)
        axes = {name: find_taps(have, step, wrap, axis) for name, axis in _NUMBERS.items()}
        if max(taps.indices.shape[1] for taps in axes.values()) > TAPS:
            return cascade.enlarge(image.copy_to_host(), have, step, wrap)

        inputs: dict[str, Any] = {"image": image}
        for name, taps in axes.items():
            weights = taps.weights.astype(image.dtype)
            for tap in range(TAPS):
                weight = weights[:, tap]
                inputs[f"{name}_{tap}"] = taps.indices[:, tap]
                inputs[f"{name}_weight_{tap}"] = weight[:, None] if name == "row" else weight
        return self._run(self._find_resampler(image.dtype), inputs, "prev")

    def _find_resampler(self, dtype: np.dtype[Any]) -> Any:
        if dtype not in self._resamplers:
            session = devices.open_session(write_graph(dtype), self.provider)
            self._resamplers[dtype] = session
        return self._resamplers[dtype]

    def _run(self, session: Any, inputs: Mapping[str, Image], output: str) -> DeviceImage:
        """Run a graph whose result stays on the device."""
        binding = session.io_binding()
        for name, value in inputs.items():
            if isinstance(value, DeviceImage):
                binding.bind_ortvalue_input(name, value.value)
            else:
                binding.bind_cpu_input(name, np.ascontiguousarray(value))

        binding.bind_output(output, self.provider.memory, self.provider.number)
        session.run_with_iobinding(binding)
        return DeviceImage(binding.get_outputs()[0])


_NUMBERS = {"row": 0, "column": 1}
"""Axes of a canvas by their names in the resampler's graph."""


def open_cascade(graphs: object) -> DeviceCascade | None:
    """Open a cascade for graphs whose device has memory of its own, or None for others."""
    if not isinstance(graphs, Graphs):
        return None
    provider = devices.choose_provider(graphs.device)
    return DeviceCascade(graphs, provider) if provider.memory else None


def can_stay(picture: Plan) -> bool:
    """Whether nothing but generators and resampling changes the images of a picture."""
    return picture.adjust is None and all(step.detail is None for step in picture.passes)


def copy_to_host(image: Image) -> Reals:
    """Return an image as an array, wherever it is."""
    return image.copy_to_host() if isinstance(image, DeviceImage) else image


def find_taps(have: Region, step: Step, wrap: Wrap, axis: int) -> Taps:
    """Find the taps of a step's prev along an axis, in the region of the smaller image.

    There are TAPS or more. Those that are added, and all of what lies beyond the canvas, weigh 0.
    """
    span = step.drawn[axis].grow(HALO)
    inside = windows.add_halo(step.drawn, step.canvas, wrap)[axis]
    n_in = step.smaller[axis]
    made = compute_taps(n_in, step.canvas[axis], wrap[axis], *inside)
    local = made.indices - have[axis].start
    local = local % n_in if wrap[axis] else local

    beyond = inside.start - span.start, span.stop - inside.stop
    around = (beyond, (0, max(0, TAPS - local.shape[1])))
    return Taps(np.pad(local, around), np.pad(made.weights, around))
