"""`mlir.ir`, where the generated op classes of this package look for it, and what this project adds to it.

The modules of this room read, build, clone and run IR of any dialect.
"""

from mlir.ir import *  # noqa: F403
from mlir.ir import register_attribute_builder  # noqa: F401
