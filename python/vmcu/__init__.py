"""vMCU: int8 neural networks on Cortex-M, in one pool of segments."""

from __future__ import annotations

__version__ = "0.1.0"
