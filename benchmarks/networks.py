"""The layers, blocks and networks of the paper's evaluation, for the planner: shapes only, no weights.

Tensors are int8, rows x columns x channels, batch 1. The access relations are those of the compiler's own kernels
(`vmcu.operators.geometry`), so that a pool found here is the pool of the compiled model.

* *MCUNet-5fps-VWW* is the network of MCUNet's model zoo, 80 x 80 x 3.
* *MCUNet-320KB-ImageNet* is the chain of the paper's blocks B1 to B17, 176 x 176 x 3. Where two neighbouring rows of
  the paper's table contradict each other, the chain follows the later one: B5 hands on 16 channels, B12 has stride 1.
* *MobileNetV2 x0.35*, 144 x 144 x 3, with channels rounded down (5, 8, 11, 22, 33, 56, 112): its expansion from 5 to
  30 channels at 72 x 72 has the 181,440 bytes in and out that msf-CNN reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from vmcu.operators.bottleneck.geometry import Bottleneck as FusedShape
from vmcu.operators.channelwise import CHANNELS as LANES
from vmcu.operators.conv2d.loops import CHANNELS, PIXELS
from vmcu.operators.geometry import Steps, Window, split_channels
from vmcu.planner import Access, Fusion, Kernel, Network, Rows, Tensor

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Bottleneck:
    """Pointwise to `middle` channels, depthwise `kernel` x `kernel`, pointwise to `outputs` channels.

    `strides` of the three layers. The input is added to the output where their shapes agree. With a first stride above
    1 the first layer is a 3 x 3 convolution, and with `middle` 0 there is none.
    """

    side: int  # rows and columns of the input
    inputs: int
    middle: int
    outputs: int
    kernel: int
    strides: tuple[int, int, int] = (1, 1, 1)

    @property
    def is_residual(self) -> bool:
        return self.strides == (1, 1, 1) and self.inputs == self.outputs


@dataclass
class Builder:
    """Collects layers into a network; every layer returns the name of its output."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)
    windows: dict[str, Window] = field(default_factory=dict)
    fusions: list[Fusion] = field(default_factory=list)  # what may take the place of a bottleneck's first three layers

    def input(self, shape: Shape) -> str:
        self.shapes["image"] = shape
        return "image"

    def conv(self, source: str, channels: int, kernel: int = 1, stride: int = 1) -> str:
        """A convolution; its halo is half the kernel on every side."""
        window = self._window(source, kernel, stride)
        inputs = self.shapes[source][2]
        steps = window.flattened().steps(PIXELS, inputs, channels, split_channels(channels, CHANNELS))
        work = math.prod(window.output) * channels * math.prod(window.kernel) * inputs
        return self._add("conv", source, (*window.output, channels), steps, window.rows(), work, window)

    def depthwise(self, source: str, kernel: int, stride: int = 1) -> str:
        window = self._window(source, kernel, stride)
        channels = self.shapes[source][2]
        steps = window.steps(1, channels, channels, split_channels(channels, LANES))
        work = math.prod(window.output) * channels * math.prod(window.kernel)
        return self._add("depthwise", source, (*window.output, channels), steps, window.rows(), work, window)

    def pool(self, source: str) -> str:
        """The average of each channel, summed row by row in 32 bits."""
        rows, columns, channels = self.shapes[source]
        window = Window((rows, columns), (1, 1), (rows, columns))
        steps = window.steps(1, channels, channels, split_channels(channels, LANES))
        sums = 4 * (channels + -channels % LANES)
        how = replace(window.rows(), accumulates=True, workspace=sums)
        return self._add("pool", source, (1, 1, channels), steps, how, rows * columns * channels)

    def add(self, left: str, right: str) -> str:
        rows, columns, channels = self.shapes[left]
        size = channels if columns * channels % LANES else LANES  # of a segment
        segments = (1, rows * columns * channels // size)
        steps = Window(segments, segments).steps(1, size, size, split_channels(size, LANES))
        how = Window((rows, columns), (rows, columns)).rows()
        return self._add("add", (left, right), self.shapes[left], steps, how)

    def bottleneck(self, source: str, block: Bottleneck) -> str:
        first, middle, last = block.strides
        x = expanded = self.conv(source, block.middle, 3 if first > 1 else 1, first) if block.middle else source
        filtered = self.depthwise(x, block.kernel, middle)
        x = self.conv(filtered, block.outputs, 1, last)
        if block.middle:
            self._allow_fusion(source, (expanded, filtered, x))
        return self.add(x, source) if block.is_residual else x

    def network(self, output: str) -> Network:
        tensors = tuple(Tensor(name, shape[0] * shape[1] * shape[2], shape[0]) for name, shape in self.shapes.items())
        return Network(tensors, tuple(self.kernels), ("image",), (output,), tuple(self.fusions))

    def _window(self, source: str, kernel: int, stride: int) -> Window:
        image = self.shapes[source][:2]
        output = tuple(-(-extent // stride) for extent in image)
        return Window(image, output, (kernel, kernel), (stride, stride), pad=(kernel // 2, kernel // 2))

    def _add(
        self,
        kind: str,
        source: str | tuple[str, str],
        shape: Shape,
        steps: Steps,
        rows: Rows,
        work: int = 0,
        window: Window | None = None,
    ) -> str:
        name = f"{kind}_{sum(kernel.name.startswith(kind) for kernel in self.kernels)}"
        sources = (source,) if isinstance(source, str) else source
        reads = tuple(Access(each, steps.lo, steps.hi) for each in sources)
        self.shapes[name] = shape
        self.kernels.append(Kernel(name, reads, (Access(name, steps.write_lo, steps.write_hi),), rows=rows, work=work))
        if window is not None:
            self.windows[name] = window
        return name

    def _allow_fusion(self, source: str, layers: tuple[str, str, str]) -> None:
        channels = (self.shapes[source][2], self.shapes[layers[0]][2], self.shapes[layers[2]][2])
        shape = FusedShape.of(*(self.windows[layer] for layer in layers), channels)
        if shape is None:
            return
        steps = shape.steps()
        kernel = Kernel(
            f"fused_{len(self.fusions)}",
            (Access(source, steps.lo, steps.hi),),
            (Access(layers[2], steps.write_lo, steps.write_hi),),
            workspace=shape.workspace,
            rows=shape.rows(),
            work=shape.macs,
        )
        self.fusions.append(Fusion(layers, kernel))


def pointwise(side: int, inputs: int, outputs: int) -> Network:
    """One pointwise convolution over a square image."""
    net = Builder()
    return net.network(net.conv(net.input((side, side, inputs)), outputs))


def bottleneck(block: Bottleneck) -> Network:
    """One block by itself."""
    net = Builder()
    return net.network(net.bottleneck(net.input((block.side, block.side, block.inputs)), block))


# (H/W, C, K) of the paper's single layers.
POINTWISE = (
    (80, 16, 16),
    (56, 32, 32),
    (28, 64, 64),
    (80, 16, 8),
    (40, 32, 16),
    (20, 48, 24),
    (24, 16, 32),
    (12, 32, 64),
    (6, 64, 128),
)

# The paper's tables of blocks.
VWW_BLOCKS = {
    "S1": Bottleneck(20, 16, 48, 16, 3),
    "S2": Bottleneck(20, 16, 48, 16, 3),
    "S3": Bottleneck(10, 24, 144, 16, 3),
    "S4": Bottleneck(10, 24, 120, 24, 3),
    "S5": Bottleneck(5, 40, 240, 40, 3),
    "S6": Bottleneck(5, 48, 192, 48, 3),
    "S7": Bottleneck(3, 96, 480, 96, 3),
    "S8": Bottleneck(3, 96, 384, 96, 3),
}
IMAGENET_BLOCKS = {
    "B1": Bottleneck(176, 3, 16, 8, 3, (2, 1, 1)),
    "B2": Bottleneck(88, 8, 24, 16, 7, (1, 2, 1)),
    "B3": Bottleneck(44, 16, 80, 16, 3),
    "B4": Bottleneck(44, 16, 80, 16, 7),
    "B5": Bottleneck(44, 16, 64, 24, 5),
    "B6": Bottleneck(44, 16, 80, 24, 5, (1, 2, 1)),
    "B7": Bottleneck(22, 24, 120, 24, 5),
    "B8": Bottleneck(22, 24, 120, 24, 5),
    "B9": Bottleneck(22, 24, 120, 40, 3, (1, 2, 1)),
    "B10": Bottleneck(11, 40, 240, 40, 7),
    "B11": Bottleneck(11, 40, 160, 40, 5),
    "B12": Bottleneck(11, 40, 200, 48, 7, (1, 2, 1)),
    "B13": Bottleneck(11, 48, 240, 48, 7),
    "B14": Bottleneck(11, 48, 240, 48, 3),
    "B15": Bottleneck(11, 48, 288, 96, 3, (1, 2, 1)),
    "B16": Bottleneck(6, 96, 480, 96, 7),
    "B17": Bottleneck(6, 96, 384, 96, 3),
}

# (middle, outputs, kernel, stride) of MCUNet-5fps-VWW after its first convolution and first block.
_VWW = (
    (48, 16, 3, 2),
    (48, 16, 3, 1),
    (48, 16, 3, 1),
    (48, 24, 7, 2),
    (144, 24, 3, 1),
    (120, 24, 5, 1),
    (144, 40, 7, 2),
    (240, 40, 7, 1),
    (240, 48, 3, 1),
    (192, 48, 3, 1),
    (240, 96, 5, 2),
    (480, 96, 3, 1),
    (384, 96, 3, 1),
    (288, 160, 7, 1),
)
# (expansion, channels, repeats, stride) of MobileNetV2.
_MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mcunet_vww() -> Network:
    """MCUNet-5fps-VWW, 80 x 80 x 3."""
    net = Builder()
    x = net.bottleneck(net.input((80, 80, 3)), Bottleneck(80, 3, 16, 8, 3, (2, 1, 1)))
    for middle, outputs, kernel, stride in _VWW:
        side, _, inputs = net.shapes[x]
        x = net.bottleneck(x, Bottleneck(side, inputs, middle, outputs, kernel, (1, stride, 1)))
    return net.network(net.conv(net.pool(x), 2))


def mcunet_imagenet() -> Network:
    """MCUNet-320KB-ImageNet, 176 x 176 x 3, with a head of 1000 classes."""
    blocks = {
        **IMAGENET_BLOCKS,
        "B5": replace(IMAGENET_BLOCKS["B5"], outputs=16),
        "B12": replace(IMAGENET_BLOCKS["B12"], strides=(1, 1, 1)),
    }
    net = Builder()
    x = net.input((176, 176, 3))
    for name, block in blocks.items():
        if net.shapes[x] != (block.side, block.side, block.inputs):
            raise ValueError(f"block {name} does not follow a tensor of shape {net.shapes[x]}")
        x = net.bottleneck(x, block)
    return net.network(net.conv(net.pool(x), 1000))


def mobilenet_v2(width: float = 0.35, side: int = 144) -> Network:
    """MobileNetV2 with all channels but the last 1280 scaled by `width`, rounded down."""
    net = Builder()
    x = net.conv(net.input((side, side, 3)), int(32 * width), 3, 2)
    for expansion, channels, repeats, stride in _MOBILENET:
        for index in range(repeats):
            rows, _, inputs = net.shapes[x]
            strides = (1, stride if index == 0 else 1, 1)
            middle = inputs * expansion if expansion > 1 else 0
            x = net.bottleneck(x, Bottleneck(rows, inputs, middle, int(channels * width), 3, strides))
    return net.network(net.conv(net.pool(net.conv(x, 1280)), 1000))
