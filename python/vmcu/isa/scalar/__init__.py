"""Cores without the DSP extension: bytes are multiplied one by one."""
