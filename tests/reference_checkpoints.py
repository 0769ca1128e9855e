"""Checkpoints as the reference SinGAN writes them, and its arithmetic written out once more.

The weights are random.

Nothing here is taken from singan_train: the order of operations is the reference's own.
"""

import contextlib
import sys
import types
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

SHAPES = ((13, 18), (17, 23), (22, 31), (29, 40))
WIDTHS = (6, 6, 8, 12)
BLOCKS = ("head", "body.block1", "body.block2", "body.block3")


class ConvBlock(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.add_module("conv", nn.Conv2d(inputs, outputs, 3))
        self.add_module("norm", nn.BatchNorm2d(outputs))
        self.add_module("LeakyRelu", nn.LeakyReLU(0.2, inplace=True))


class Network(nn.Module):
    def __init__(self, channels, width, outputs, is_generator):
        super().__init__()
        self.is_cuda = True
        self.head = ConvBlock(channels, width)
        self.body = nn.Sequential()
        for number in (1, 2, 3):
            self.body.add_module(f"block{number}", ConvBlock(width, width))
        tail = nn.Conv2d(width, outputs, 3)
        self.tail = nn.Sequential(tail, nn.Tanh()) if is_generator else tail


def generator_of_reference(state, x, y):
    """Compute what the reference's generator returns.

    x is the noisy input, y the previous picture, both padded by 5.
    """
    for block in BLOCKS:
        x = F.conv2d(x, state[f"{block}.conv.weight"], state[f"{block}.conv.bias"])
        mean, variance = state[f"{block}.norm.running_mean"], state[f"{block}.norm.running_var"]
        x = F.batch_norm(
            x, mean, variance, state[f"{block}.norm.weight"], state[f"{block}.norm.bias"], eps=1e-5
        )
        x = F.leaky_relu(x, 0.2)
    x = torch.tanh(F.conv2d(x, state["tail.0.weight"], state["tail.0.bias"]))
    margin = (y.shape[2] - x.shape[2]) // 2
    return x + y[:, :, margin : y.shape[2] - margin, margin : y.shape[3] - margin]


def network(channels, width, outputs, is_generator, seed):
    """A network with weights and statistics that make every layer matter."""
    torch.manual_seed(seed)
    made = Network(channels, width, outputs, is_generator)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.3)
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.3, 2.0)
            module.num_batches_tracked.fill_(6000)
    return made.eval()


@contextlib.contextmanager
def pretending():
    """Pretend that the classes above are those of SinGAN.models, and have the old _backend."""
    models, thnn = types.ModuleType("SinGAN.models"), types.ModuleType("torch.nn.backends.thnn")

    def _get_thnn_function_backend():
        raise AssertionError("a pickle was executed")

    _get_thnn_function_backend.__module__ = thnn.__name__
    _get_thnn_function_backend.__qualname__ = _get_thnn_function_backend.__name__
    thnn._get_thnn_function_backend = _get_thnn_function_backend
    names = {"GeneratorConcatSkip2CleanAdd": Network, "ConvBlock": ConvBlock}
    fakes = {"SinGAN": types.ModuleType("SinGAN"), models.__name__: models, thnn.__name__: thnn}
    fakes["torch.nn.backends"] = types.ModuleType("torch.nn.backends")
    kept = {kind: (kind.__module__, kind.__name__, kind.__qualname__) for kind in names.values()}
    for name, kind in names.items():
        setattr(models, name, kind)
        kind.__module__, kind.__name__, kind.__qualname__ = models.__name__, name, name
    sys.modules.update(fakes)
    try:
        yield lambda: _get_thnn_function_backend
    finally:
        for kind, (module, name, qualified) in kept.items():
            kind.__module__, kind.__name__, kind.__qualname__ = module, name, qualified
        for name in fakes:
            del sys.modules[name]


class Backend:
    """Pickled as PyTorch up to 1.3 did: by the name of a function that would return it."""

    def __init__(self, function):
        self.function = function

    def __reduce__(self):
        return self.function, ()


def save(value, path, zipped=False):
    """torch.save in the format of PyTorch up to 1.5, or of later versions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it cannot find the source of a class and says so
        torch.save(value, path, _use_new_zipfile_serialization=zipped)


def write(
    folder: Path, *, border="zero", channels=3, layout="folders", zipped=False, critics=False,
    shapes=SHAPES, widths=WIDTHS
) -> list[dict[str, torch.Tensor]]:  # fmt: skip
    """Write a checkpoint; returns the generators' state dicts."""
    folder.mkdir(parents=True)
    generators = [
        network(channels, width, channels, True, 10 + n) for n, width in enumerate(widths)
    ]
    torch.manual_seed(5)
    noises = []
    for scale, (height, width) in enumerate(shapes):
        z = torch.zeros(1, channels, height + 10, width + 10)
        if scale == 0 and border == "noise":
            z = torch.randn(1, 1, height + 10, width + 10).expand(1, channels, -1, -1)
        elif scale == 0:
            z = F.pad(torch.randn(1, 1, height, width).expand(1, channels, -1, -1), (5, 5, 5, 5))
        noises.append(z)
    reals = [torch.rand(1, channels, *shape) * 2 - 1 for shape in shapes]
    save(noises, folder / "Zs.pth", zipped)
    save(reals, folder / "reals.pth", zipped)
    save(
        [1, *(torch.tensor(0.1 / n) for n in range(1, len(shapes)))],
        folder / "NoiseAmp.pth",
        zipped,
    )
    if layout == "modules":
        with pretending() as backend:
            for module in (part for made in generators for part in made.modules()):
                module._backend = Backend(backend())
            save(generators, folder / "Gs.pth", zipped)
    else:
        for scale, made in enumerate(generators):
            (folder / str(scale)).mkdir()
            save(made.state_dict(), folder / str(scale) / "netG.pth", zipped)
            save(noises[scale], folder / str(scale) / "z_opt.pth", zipped)
            if critics:
                critic = network(channels, widths[scale], 1, False, 50 + scale)
                save(critic.state_dict(), folder / str(scale) / "netD.pth", zipped)
    return [made.state_dict() for made in generators]
