"""Layers that look each byte up in a table: any function of one int8 tensor."""

from vmcu.operators.table.loops import PlainTable
from vmcu.operators.table.operator import Table

__all__ = ["PlainTable", "Table"]
