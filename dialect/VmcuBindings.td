// What mlir-tblgen turns into the Python op classes.
#ifndef VMCU_BINDINGS_TD
#define VMCU_BINDINGS_TD
include "VmcuOps.td"
#endif
