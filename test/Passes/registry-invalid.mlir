// A wrong option is an error of one clear line, as a flag and in a pipeline, and nothing is printed.
// RUN: not vmcu-opt %s --vmcu-plan=rom=1 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not vmcu-opt %s --pass-pipeline="builtin.module(vmcu-plan{rom=1})" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not vmcu-opt %s --vmcu-plan=ram=1KB 2>&1 | FileCheck %s --check-prefix=BYTES
// RUN: not vmcu-opt %s --vmcu-plan=time-limit=soon 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not vmcu-opt %s --vmcu-plan=ram 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not vmcu-opt %s --vmcu-plan="align=4 align=8" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not vmcu-opt %s --vmcu-form-kernels=ram=1 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not vmcu-opt %s --pass-pipeline="builtin.module(func.func(vmcu-plan))" 2>&1 | FileCheck %s --check-prefix=NEST
// UNKNOWN: error: <vmcu-plan>: no option 'rom'; options are: ram, align, streams, input, optimize, recompute, time-limit
// UNKNOWN-NOT: module
// BYTES: error: <vmcu-plan>: ram: expected bytes such as 65536, 64KiB or 1MiB, found '1KB'
// TYPE: error: <vmcu-plan>: time-limit is of type float, found 'soon'
// VALUE: error: <vmcu-plan>: ram needs a value: bytes
// TWICE: error: <vmcu-plan>: option 'align' is given twice
// NONE: error: <vmcu-form-kernels>: no option 'ram'; options are: none
// NEST: error: Can't add pass 'vmcu-plan' restricted to 'builtin.module'
module {}
