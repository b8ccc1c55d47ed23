"""Cores without the DSP extension: bytes are multiplied one by one."""

from vmcu.isa.base import Isa
from vmcu.isa.scalar.lowering import ScalarLowering

SCALAR = Isa("scalar", (), ScalarLowering)
