"""Cores with the DSP extension and an FPU: tiles of 16-bit lanes, inner loops in assembly."""
