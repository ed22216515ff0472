"""A network cut behind the first convolution of its landscapes, which an edit changes in a few places only.

Scaling, positions and the first convolution are affine, and most of the numbers that a network reads go no
further. So a window that differs from one before in a few bins needs them again in those bins alone, and a
gradient along a straight path needs them once.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor, nn
from torch.nn import functional

from claster.eir.trained_network import Network

_LANDSCAPE = "landscape"
_MOST_CHANGED = 1 / 4
"""Share of a window's bins between the first and the last changed one above which all is computed."""

_KNOWN = 2
"""Windows kept: one, and its mirror image."""


@dataclass(frozen=True)
class CutNetwork:
    """A network in two parts: an affine one that reads landscapes, and `after`, which reads what it gives.

    `position` is what is added to each bin before the convolution, shape of a sample's last two axes.
    """

    network: Network
    conv: nn.Conv2d
    position: Tensor
    after: Network

    def first(self, landscape: Tensor) -> Tensor:
        """Return what it gives for landscapes as stored, (samples, channels, height, width)."""
        given: Tensor = self.conv(self.scaled(landscape) + self.position)
        # Convolutions of a few channels on a CPU take half as long where these lie together.
        return given.contiguous(memory_format=torch.channels_last) if given.is_cpu else given

    def scaled(self, landscape: Tensor) -> Tensor:
        """Return landscapes on EIR's scale, (samples, channels, height, bins)."""
        return self.network.inputs[_LANDSCAPE].scaled(landscape)


class _Rest(nn.Module):
    """What EIR's reader of a landscape does behind its first convolution."""

    def __init__(self, reader: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._later, self._last = reader.conv[1:], reader.final_layer

    def forward(self, first: Tensor) -> Tensor:
        given: Tensor = self._last(self._later(first))
        return given


def cut_network(network: Network) -> CutNetwork | None:
    """Cut a network behind the first convolution of its landscapes; None where it does not begin so."""
    readers: Any = getattr(network.module, "input_modules", {})
    if _LANDSCAPE not in readers:
        return None
    wrapped = readers[_LANDSCAPE]
    reader = wrapped.feature_extractor
    block = next(reader.conv.children())
    if type(block).__name__ != "FirstCNNBlock" or len(list(block.children())) != 1:
        return None
    if not isinstance(wrapped.pre_normalization, nn.Identity) or any(block.conv_1.padding[:1]):
        return None
    conv = block.conv_1
    rest = copy.copy(network.module)
    rest._modules = dict(network.module._modules)
    rest.input_modules = nn.ModuleDict(dict(readers.items()) | {_LANDSCAPE: _Rest(reader)})
    with torch.no_grad():
        shape = conv(torch.zeros(1, *network.inputs[_LANDSCAPE].shape).to(conv.weight)).shape[1:]
    return CutNetwork(
        network,
        conv,
        reader.pos_representation.embedding.detach(),
        network.without_scaling(_LANDSCAPE, rest, tuple(shape)),
    )


@dataclass
class _Known:
    """A window, and what the first convolution gives for it once that has been asked."""

    window: np.ndarray
    first: Tensor | None = None


class FirstLayer:
    """What the first convolution gives for windows that come one after the other, on a CPU."""

    def __init__(self, cut: CutNetwork) -> None:
        self.cut = cut
        self._known: list[_Known] = []
        scaling = cut.network.inputs[_LANDSCAPE]
        self._shape = scaling.shape[:-1]
        # Beyond the ends of a window the first convolution reads 0.
        pad = [(0, 0), (int(cut.conv.padding[1]),) * 2]
        self._padded = [
            np.pad(tensor.reshape(-1, scaling.shape[-1]).numpy(), pad, constant_values=beyond)
            for tensor, beyond in zip(
                (*scaling.bin_by_bin(), cut.position.expand(scaling.shape)), (0, 1, 0), strict=True
            )
        ]

    def values(self, landscape: Tensor) -> Tensor | None:
        """Return what `CutNetwork.first` does, up to rounding; None where no window is an edit of another.

        Landscapes are float32 as stored, (samples, ...), bins last.
        """
        windows = landscape.reshape(len(landscape), -1, landscape.shape[-1])
        known = list(self._known)
        near, edges = zip(*(self._nearest(x, known) for x in windows.numpy()), strict=True)
        self._known = known[-_KNOWN:]
        if all(high is None for _, high in edges):
            return None
        for one in {id(one): one for one in near}.values():
            if one.first is None:
                one.first = self.cut.first(torch.from_numpy(one.window)[None])
        given = torch.cat([one.first for one in near])
        self._patch(given, windows, np.array([(low, high or 0) for low, high in edges]))
        return given

    @staticmethod
    def _nearest(window: np.ndarray, known: list[_Known]) -> tuple[_Known, tuple[int, int | None]]:
        """Return a known window, and the first changed bin and the one behind the last changed one."""
        for one in reversed(known[-_KNOWN:]):
            changed = np.flatnonzero(window != one.window) % window.shape[-1]
            if not changed.size:
                return one, (0, 0)
            low, high = int(changed.min()), int(changed.max()) + 1
            if high - low <= _MOST_CHANGED * window.shape[-1]:
                return one, (low, high)
        known.append(_Known(window.copy()))
        return known[-1], (0, None)

    def _patch(self, given: Tensor, windows: Tensor, edges: np.ndarray) -> None:
        """Convolve changed bins again, in place."""
        conv = self.cut.conv
        pad, stride = int(conv.padding[1]), conv.stride[1]
        kernel = conv.dilation[1] * (conv.kernel_size[1] - 1) + 1
        rows = np.flatnonzero(edges[:, 1] > edges[:, 0])
        if not rows.size:
            return
        low, high = edges[rows].T
        begin = np.maximum(-((kernel - 1 - low - pad) // stride), 0)
        end = np.minimum((high - 1 + pad) // stride + 1, given.shape[-1])
        columns = int((end - begin).max())
        if columns <= 0:
            return
        begin = np.minimum(begin, given.shape[-1] - columns)
        # All slices are as long as the longest, so that one convolution does them all.
        length = (columns - 1) * stride + kernel
        stored = np.zeros((len(rows), windows.shape[1], length), np.float32)
        whole = windows.numpy()
        for part, row, at in zip(stored, rows, begin * stride - pad, strict=True):
            inside = slice(max(at, 0), min(at + length, whole.shape[-1]))
            part[:, inside.start - at : inside.stop - at] = whole[row, :, inside]
        mean, deviation, position = (
            sliding_window_view(array, length, axis=-1)[:, begin * stride].swapaxes(0, 1)
            for array in self._padded
        )
        scaled = torch.from_numpy((stored - mean) / deviation + position)
        patch = functional.conv2d(
            scaled.reshape(len(rows), *self._shape, length),
            conv.weight,
            conv.bias,
            conv.stride,
            dilation=conv.dilation,
        )
        to = given.numpy()
        for row, first, new in zip(rows, begin, patch.numpy(), strict=True):
            to[row, ..., first : first + columns] = new


def first_layer(network: Network, device: torch.device) -> FirstLayer | None:
    """Return what keeps a network's first layer over edits of one window; None on a GPU."""
    cut = cut_network(network) if device.type == "cpu" else None
    return FirstLayer(cut) if cut else None
