"""`mlir.ir`, where the generated op classes of this package look for it."""

from mlir.ir import *  # noqa: F403
from mlir.ir import register_attribute_builder  # noqa: F401
