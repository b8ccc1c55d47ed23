"""Cores with the DSP extension: words of four bytes and, with an FPU, tiles of 16-bit lanes and loops in assembly."""

from vmcu.isa.arm_dsp.conv2d import MatmulConv2D
from vmcu.isa.arm_dsp.depthwise import RowDepthwise
from vmcu.isa.arm_dsp.fused_tiles import MatmulFused
from vmcu.isa.arm_dsp.lowering import DspLowering, TileLowering
from vmcu.isa.arm_dsp.pool import WordMaxPool
from vmcu.isa.arm_dsp.transpose_conv import MatmulTransposeConv
from vmcu.isa.base import Isa

ARM_DSP = Isa("arm-dsp", (WordMaxPool(),), DspLowering)
ARM_DSP_FPU = Isa(
    "arm-dsp-fpu",
    (MatmulConv2D(), RowDepthwise(), MatmulFused(), MatmulTransposeConv(), WordMaxPool()),
    TileLowering,
)
