"""Access relations of real layers, for the planner's tests. Tensors are int8, rows x columns x channels, batch 1."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vmcu.planner import Access, Kernel, Network, Rows, Tensor

Shape = tuple[int, int, int]


def tile_steps(pixels: int, channels: int, tile: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """First and last + 1 pixel and channel of each step: pixel tiles outside, channel tiles inside."""
    pixel, channel = np.meshgrid(np.arange(0, pixels, tile[0]), np.arange(0, channels, tile[1]), indexing="ij")
    pixel, channel = pixel.ravel(), channel.ravel()
    return pixel, np.minimum(pixel + tile[0], pixels), channel, np.minimum(channel + tile[1], channels)


def window_reads(
    source: Shape, target: Shape, steps: tuple[np.ndarray, ...], size: int, stride: int, pad: int, depthwise: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Hull of the input bytes under a size x size window, `pad` rows and columns before the image."""
    rows, columns, channels = source
    first, end, channel, channel_end = steps
    last = end - 1
    row, row_end = first // target[1], last // target[1]
    top = np.maximum(row * stride - pad, 0)
    bottom = np.minimum(row_end * stride - pad + size, rows) - 1
    one_row = row == row_end
    left = np.where(one_row, np.maximum(first % target[1] * stride - pad, 0), 0)
    right = np.where(one_row, np.minimum(last % target[1] * stride - pad + size, columns), columns) - 1
    low, high = (channel, channel_end) if depthwise else (0, channels)
    return (top * columns + left) * channels + low, (bottom * columns + right) * channels + high


@dataclass
class Builder:
    """Collects layers into a network; every layer returns the name of its output."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)

    def input(self, shape: Shape) -> str:
        self.shapes["image"] = shape
        return "image"

    def conv(
        self,
        source: str,
        name: str,
        channels: int,
        size: int = 1,
        stride: int = 1,
        pad: int = 0,
        tile: tuple[int, int] = (2, 2),
        depthwise: bool = False,
        out: int | None = None,
        workspace: int = 0,
    ) -> str:
        shape = self.shapes[source]
        side = out or -(-shape[0] // stride)
        target = side, side, channels
        steps = tile_steps(side * side, channels, tile)
        reads = Access(source, *window_reads(shape, target, steps, size, stride, pad, depthwise))
        return self._add(name, target, steps, (reads,), workspace)

    def add(self, left: str, right: str, name: str) -> str:
        rows, columns, channels = shape = self.shapes[left]
        steps = tile_steps(rows * columns, channels, (1, 4))
        where = steps[0] * channels + steps[2], steps[0] * channels + steps[3]
        return self._add(name, shape, steps, (Access(left, *where), Access(right, *where)), 0)

    def _add(
        self, name: str, target: Shape, steps: tuple[np.ndarray, ...], reads: tuple[Access, ...], workspace: int
    ) -> str:
        channels = target[2]
        write = Access(name, steps[0] * channels + steps[2], (steps[1] - 1) * channels + steps[3])
        self.shapes[name] = target
        self.kernels.append(Kernel(name, reads, (write,), workspace))
        return name

    def network(self, output: str) -> Network:
        tensors = tuple(Tensor(name, int(np.prod(shape))) for name, shape in self.shapes.items())
        return Network(tensors, tuple(self.kernels), ("image",), (output,))


def mobilenet_v1() -> Network:
    """MLPerf Tiny visual wake words: MobileNetV1 x0.25, 96 x 96 x 3."""
    net = Builder()
    x = net.conv(net.input((96, 96, 3)), "conv", 8, size=3, stride=2)
    widths = (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    for index, (channels, stride) in enumerate(zip(widths, strides), start=1):
        # TFLite's SAME padding: one before the image for stride 1, none for stride 2 on even sizes.
        x = net.conv(
            x,
            f"depthwise{index}",
            net.shapes[x][2],
            size=3,
            stride=stride,
            pad=int(stride == 1),
            tile=(1, 4),
            depthwise=True,
        )
        x = net.conv(x, f"pointwise{index}", channels)
    x = net.conv(x, "pool", 256, size=3, tile=(1, 4), depthwise=True, out=1)
    return net.network(net.conv(x, "dense", 2))


def resnet_8() -> Network:
    """MLPerf Tiny image classification: ResNet-8, 32 x 32 x 3, with a workspace for every 3 x 3 convolution."""
    net = Builder()
    x = net.conv(net.input((32, 32, 3)), "conv", 16, size=3, pad=1, workspace=600)
    for index, channels in enumerate((16, 32, 64), start=1):
        stride = 1 if index == 1 else 2
        y = net.conv(x, f"conv{index}a", channels, size=3, stride=stride, pad=int(stride == 1), workspace=600)
        y = net.conv(y, f"conv{index}b", channels, size=3, pad=1, workspace=600)
        skip = x if stride == 1 else net.conv(x, f"skip{index}", channels, stride=stride)
        x = net.add(skip, y, f"add{index}")
    x = net.conv(x, "pool", 64, size=8, tile=(1, 4), depthwise=True, out=1)
    return net.network(net.conv(x, "dense", 10))


@dataclass
class RowNetwork:
    """Collects kernels whose rows are all that is known of them: every step makes one row of one segment."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)

    def input(self, rows: int, row_bytes: int) -> str:
        self.tensors["x"] = Tensor("x", rows * row_bytes, rows)
        return "x"

    def add(
        self,
        sources: tuple[str, ...],
        rows: Rows,
        row_bytes: int,
        *,
        workspace: int = 0,
        streams: bool = True,
        reversible: bool = True,
    ) -> str:
        """A kernel of that geometry; returns the name of its output."""
        name = f"k{len(self.kernels)}"
        target = f"t{len(self.kernels)}"
        self.tensors[target] = Tensor(target, rows.out_rows * row_bytes, rows.out_rows)
        windows = [rows.read_rows(row) for row in range(rows.out_rows)]
        reads = tuple(
            Access(
                each,
                [window[0] * size if window else 0 for window in windows],
                [(window[-1] + 1) * size if window else 0 for window in windows],
            )
            for each in dict.fromkeys(sources)
            for size in (self.tensors[each].row_bytes,)
        )
        made = np.arange(rows.out_rows) * row_bytes
        write = Access(target, made, made + row_bytes)
        how = rows if streams else None
        self.kernels.append(Kernel(name, reads, (write,), workspace, reversible=reversible, rows=how))
        return target

    def network(self) -> Network:
        return Network(tuple(self.tensors.values()), tuple(self.kernels), ("x",), (f"t{len(self.kernels) - 1}",))
