"""Random int8 networks for property-based tests: what hypothesis draws, and the TFLite file it stands for.

A network is a list of `Layer`s. Each reads a tensor made before it: mostly the newest, sometimes an older one, so that
branches and skips arise. A layer that its input does not allow (a window larger than a `VALID` image, an addition
without a second tensor of equal shape) becomes another one that it does: every draw is a network, and hypothesis shrinks
towards short chains of small layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

import tiny_tflite as tiny

Shape = tuple[int, int, int]  # rows, columns, channels
#: Layers on images, by how often each is drawn.
KINDS = (*("block",) * 5, *("conv",) * 4, *("pointwise",) * 3, *("depthwise",) * 3, *("add",) * 3, "max_pool", "max_pool",
         "average_pool", "mul", "sub", "relu", "twins", "pad", "concatenation", "upsample", "raise", "raise",
         "resize")  # fmt: skip
LARGEST = 24  # most rows or columns that are made of fewer
ZERO_POINTS = (-128, -3, 0, 5, 100)  # what a RELU makes of 127 is a constant


@dataclass(frozen=True)
class Layer:
    """One layer; what its kind does not ask for it ignores. A `block` is pointwise, depthwise, pointwise, with a residual
    addition where shapes allow one; `twins` are two equal layers, which the compiler makes one.

    Args:
        back: how many tensors before the newest its input is.
        other: the same for the second input of a binary layer, among the tensors of equal shape.
        kernel, stride, dilation: (rows, columns).
    """

    kind: str
    back: int = 0
    other: int = 0
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    filters: int = 4
    valid: bool = False
    activation: int = 0
    zero_point: int = 0


@dataclass(frozen=True)
class Network:
    """Layers after an input of `shape`; then `head`; outputs are the last tensor and the tensors `outputs` before it."""

    shape: Shape
    layers: tuple[Layer, ...]
    head: tuple[str, ...] = ()
    outputs: tuple[int, ...] = ()
    zero_point: int = 0
    seed: int = 0


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    kind = draw(st.sampled_from(KINDS))
    stride = st.sampled_from([1, 1, 1, 2, 2, 3])
    window = kind in ("block", "conv", "depthwise", "max_pool", "average_pool", "raise", "resize")
    square = draw(st.booleans())
    side, step = draw(st.integers(1, 5)), draw(stride)
    return Layer(
        kind,
        back=draw(st.sampled_from([0, 0, 0, 0, 1, 2])),
        other=draw(st.integers(0, 3)),
        kernel=(side, side if square else draw(st.integers(1, 5))) if window else (1, 1),
        stride=(step, step if square else draw(stride)) if window or kind == "pointwise" and draw(st.booleans()) else (1, 1),
        dilation=(draw(st.sampled_from([1, 1, 1, 2])), 1) if kind in ("conv", "depthwise") else (1, 1),
        filters=draw(st.sampled_from([1, 2, 3, 4, 4, 5, 8, 8, 9])),
        valid=draw(st.booleans()) if window else False,
        activation=draw(st.sampled_from([0, 0, 1, 3])),
        zero_point=draw(st.sampled_from(ZERO_POINTS)),
    )  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks of up to nine layers on images of up to 16 x 16 pixels."""
    side = st.sampled_from([*range(1, 17), *range(5, 17)])
    heads = [
        (),
        (),
        ("mean",),
        ("pool", "fully_connected"),
        ("fully_connected",),
        ("fully_connected", "fully_connected"),
    ]
    return Network(
        (draw(side), draw(side), draw(st.integers(1, 8))),
        tuple(draw(st.lists(layers(), min_size=1, max_size=4)) + draw(st.lists(layers(), max_size=5))),
        draw(st.sampled_from(heads)),
        tuple(draw(st.sampled_from([(), (), (), (1,), (2,)]))),
        draw(st.sampled_from((*ZERO_POINTS, 127))),
        draw(st.integers(0, 3)),
    )


@dataclass(frozen=True)
class _Made:
    index: int  # in the graph
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass
class _Builder:
    generator: np.random.Generator
    graph: tiny.Graph = field(default_factory=tiny.Graph)
    made: list[_Made] = field(default_factory=list)

    def tensor(self, shape: tuple[int, ...], scale: float, zero_point: int) -> _Made:
        name = f"t{len(self.graph.tensors)}"
        index = self.graph.tensor(name, (1, *shape), scale=scale, zero_point=zero_point)
        return _Made(index, shape, scale, zero_point)

    def add(self, layer: Layer) -> None:
        if layer.kind == "block":
            self.add_block(layer)
            return
        source = self.made[max(0, len(self.made) - 1 - layer.back)]
        equals = [each for each in self.made if each.shape == source.shape and each is not source]
        kind = layer.kind
        if kind in ("add", "mul", "sub", "concatenation"):
            self.made.append(self.binary(layer, source, equals[-1 - layer.other % len(equals)] if equals else source))
        elif kind == "raise":
            self.made.append(self.transposed(layer, source))
        elif kind in ("conv", "pointwise", "depthwise"):
            self.made.append(self.window(layer, source))
        elif kind in ("max_pool", "average_pool"):
            self.made.append(self.pool(layer, source))
        else:
            self.made.append(getattr(self, kind)(layer, source))

    def add_block(self, layer: Layer) -> None:
        source = self.made[max(0, len(self.made) - 1 - layer.back)]
        width = layer.filters if layer.other == 3 else source.shape[2]
        self.made.append(
            self.window(Layer("pointwise", kernel=(1, 1), filters=2 * source.shape[2], activation=3), source)
        )
        for each in (replace(layer, kind="depthwise"), Layer("pointwise", kernel=(1, 1), filters=width)):
            self.made.append(self.window(each, self.made[-1]))
        if self.made[-1].shape == source.shape:
            self.made.append(self.binary(Layer("add", zero_point=layer.zero_point), source, self.made[-1]))

    def binary(self, layer: Layer, x: _Made, z: _Made) -> _Made:
        if layer.kind == "concatenation":
            if (x.scale, x.zero_point) != (z.scale, z.zero_point):
                z = x
            y = self.tensor((*x.shape[:2], 2 * x.shape[2]), x.scale, x.zero_point)
            self.graph.op("CONCATENATION", [x.index, z.index], [y.index], "ConcatenationOptions", axis=3)
            return y
        y = self.tensor(x.shape, 0.07, layer.zero_point)
        fields = dict(fusedActivationFunction=layer.activation)
        self.graph.op(layer.kind.upper(), [x.index, z.index], [y.index], f"{layer.kind.capitalize()}Options", **fields)
        return y

    def window(self, layer: Layer, x: _Made) -> _Made:
        dilation = layer.dilation if layer.stride == (1, 1) else (1, 1)  # the reference kernels take no other
        extent = tuple((k - 1) * d + 1 for k, d in zip(layer.kernel, dilation))
        valid, image = _extents(layer, x.shape, extent)
        depthwise = layer.kind == "depthwise"
        filters = x.shape[2] if depthwise else layer.filters
        shape = (1, *layer.kernel, filters) if depthwise else (filters, *layer.kernel, x.shape[2])
        taps = int(np.prod(layer.kernel)) * (1 if depthwise else x.shape[2])
        # A standard deviation of the sum is some 60 steps of the result: few outputs saturate.
        scales = self.generator.uniform(0.7, 1.4, filters) * 60 * 0.05 / (x.scale * 74 * 74 * taps**0.5)
        weights = self.generator.integers(-127, 128, shape).astype(np.int8)
        bias = self.generator.integers(-2000, 2000, filters).astype(np.int32)
        w = self.graph.const(f"w{x.index}", weights, scale=scales, channel_axis=3 if depthwise else 0)
        b = self.graph.const(f"b{x.index}", bias, scale=scales * x.scale)
        y = self.tensor((*image, filters), 0.05, layer.zero_point)
        fields = dict(padding=int(valid), strideH=layer.stride[0], strideW=layer.stride[1],
                      dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                      fusedActivationFunction=layer.activation)  # fmt: skip
        if depthwise:
            fields["depthMultiplier"] = 1
        code, options = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        self.graph.op(code, [x.index, w, b], [y.index], options, **fields)
        return y

    def transposed(self, layer: Layer, x: _Made) -> _Made:
        """A transposed convolution, of which a large image is made no larger."""
        stride = tuple(step if size * step <= LARGEST else 1 for step, size in zip(layer.stride, x.shape))
        usual = zip(x.shape, stride, layer.kernel)
        image = [(size - 1) * step + taps if layer.valid else size * step for size, step, taps in usual]
        weights = self.generator.integers(-127, 128, (layer.filters, *layer.kernel, x.shape[2])).astype(np.int8)
        scales = self.generator.uniform(0.01, 0.02, layer.filters)
        w = self.graph.const(f"w{x.index}_{len(self.graph.tensors)}", weights, scale=scales)
        to = self.graph.const(f"to{x.index}_{len(self.graph.tensors)}", np.array([1, *image, layer.filters], np.int32))
        y = self.tensor((*image, layer.filters), 0.3, layer.zero_point)
        fields = dict(padding=int(layer.valid), strideH=stride[0], strideW=stride[1])
        self.graph.op("TRANSPOSE_CONV", [to, w, x.index], [y.index], "TransposeConvOptions", **fields)
        return y

    def resize(self, layer: Layer, x: _Made) -> _Made:
        """From half the size to two and a half times it."""
        image = [max(1, min(LARGEST, size * taps // 2)) for size, taps in zip(x.shape, layer.kernel)]
        y = self.tensor((*image, x.shape[2]), x.scale, x.zero_point)
        to = self.graph.const(f"to{x.index}_{len(self.graph.tensors)}", np.array(image, np.int32))
        flags = dict(alignCorners=layer.activation == 1, halfPixelCenters=layer.activation == 0)
        self.graph.op("RESIZE_BILINEAR", [x.index, to], [y.index], "ResizeBilinearOptions", **flags)
        return y

    def pool(self, layer: Layer, x: _Made) -> _Made:
        valid, image = _extents(layer, x.shape, layer.kernel)
        # The converter drops a pooling that is the identity, activation and all; that is refused.
        identity = layer.kernel == (1, 1) or x.shape[:2] == (1, 1)
        activation = 0 if identity else layer.activation
        y = self.tensor((*image, x.shape[2]), x.scale, x.zero_point)
        fields = dict(padding=int(valid), strideH=layer.stride[0], strideW=layer.stride[1], filterHeight=layer.kernel[0],
                      filterWidth=layer.kernel[1], fusedActivationFunction=activation)  # fmt: skip
        self.graph.op(f"{layer.kind.upper()}_2D", [x.index], [y.index], "Pool2DOptions", **fields)
        return y

    def relu(self, layer: Layer, x: _Made) -> _Made:
        y = self.tensor(x.shape, 0.04, layer.zero_point)
        self.graph.op("RELU", [x.index], [y.index])
        return y

    def twins(self, layer: Layer, x: _Made) -> _Made:
        self.made.append(self.relu(layer, x))
        return self.relu(layer, x)

    def pad(self, layer: Layer, x: _Made) -> _Made:
        amounts = [[0, 0], [layer.other % 2, layer.other // 2], [layer.filters % 2, 1], [0, 0]]
        y = self.tensor(tuple(s + sum(a) for s, a in zip(x.shape, amounts[1:])), x.scale, x.zero_point)
        sizes = self.graph.const(f"pad{x.index}", np.array(amounts, np.int32))
        self.graph.op("PAD", [x.index, sizes], [y.index], "PadOptions")
        return y

    def upsample(self, layer: Layer, x: _Made) -> _Made:
        rows, columns, channels = x.shape
        y = self.tensor((2 * rows, 2 * columns, channels), x.scale, x.zero_point)
        size = self.graph.const(f"size{x.index}", np.array([2 * rows, 2 * columns], np.int32))
        options = "ResizeNearestNeighborOptions"
        self.graph.op("RESIZE_NEAREST_NEIGHBOR", [x.index, size], [y.index], options, halfPixelCenters=True)
        return y

    def add_head(self, kind: str) -> None:
        x = self.made[-1]
        if kind == "pool":
            self.made.append(self.pool(Layer("average_pool", kernel=x.shape[:2], valid=True), x))
        elif kind == "mean":
            y = self.tensor(x.shape[-1:], 0.04, 3)
            axes = self.graph.const(f"axes{x.index}", np.array([1, 2], np.int32))
            self.graph.op("MEAN", [x.index, axes], [y.index], "ReducerOptions", keepDims=False)
            self.made.append(y)
        else:
            self.made.append(self.fully_connected(x))

    def fully_connected(self, x: _Made) -> _Made:
        depth, width = int(np.prod(x.shape)), int(self.generator.integers(1, 12))
        scale = np.full(1, 60 * 0.05 / (x.scale * 74 * 74 * depth**0.5))
        weights = self.generator.integers(-127, 128, (width, depth)).astype(np.int8)
        bias = self.generator.integers(-2000, 2000, width).astype(np.int32)
        w = self.graph.const(f"w{x.index}", weights, scale=scale)
        b = self.graph.const(f"b{x.index}", bias, scale=scale * x.scale)
        y = self.tensor((width,), 0.05, -7)
        self.graph.op("FULLY_CONNECTED", [x.index, w, b], [y.index], "FullyConnectedOptions")
        return y


def _extents(layer: Layer, shape: tuple[int, ...], extent: tuple[int, int]) -> tuple[bool, tuple[int, int]]:
    """Whether the window is `VALID`, and the size of the image it makes."""
    valid = layer.valid and all(size >= each for size, each in zip(shape, extent))
    sizes = [size - each + 1 if valid else size for size, each in zip(shape, extent)]
    return valid, tuple(-(-size // step) for size, step in zip(sizes, layer.stride))


def write_network(network: Network, path: Path) -> Path:
    """Write `network` as a TFLite file to `path` and return it."""
    builder = _Builder(np.random.default_rng(network.seed))
    builder.made.append(builder.tensor(network.shape, 0.05, network.zero_point))
    for layer in network.layers:
        builder.add(layer)
    for kind in network.head:
        builder.add_head(kind)
    made = builder.made
    chosen = dict.fromkeys([made[-1].index, *(made[max(1, len(made) - 1 - back)].index for back in network.outputs)])
    return builder.graph.write(path, [made[0].index], list(chosen))
