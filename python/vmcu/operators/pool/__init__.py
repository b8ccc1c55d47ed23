"""Maximum pooling."""

from vmcu.operators.pool.loops import PlainMaxPool
from vmcu.operators.pool.operator import MaxPool

__all__ = ["MaxPool", "PlainMaxPool"]
