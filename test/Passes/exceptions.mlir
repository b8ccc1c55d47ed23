// What a Python pass raises is reported at the op it concerns and fails the run with exit code 1, without a traceback.
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-refuse 2>&1 | FileCheck %s --check-prefix=REFUSE
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-fail --cse 2>&1 | FileCheck %s --check-prefix=FAIL
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-exit 2>&1 | FileCheck %s --check-prefix=EXIT
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-break-ir 2>&1 | FileCheck %s --check-prefix=BREAK
// RUN: python -c "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != 1)" \
// RUN:   python %S/Inputs/opt_with_test_passes.py %s --test-fail
// REFUSE: exceptions.mlir:[[#@LINE+10]]:1: error: function "f" is refused
// REFUSE-NOT: Traceback
// REFUSE-NOT: module
// FAIL: exceptions.mlir:{{.*}}: error: bug in pass test-fail: KeyError: 'a bug' (opt_with_test_passes.py:{{[0-9]+}})
// FAIL-NOT: Traceback
// FAIL-NOT: module
// EXIT: error: bug in pass test-exit: SystemExit: 7
// EXIT-NOT: Traceback
// BREAK: error: {{.*}}entry block must have 0 arguments to match function signature

func.func @f(%x: tensor<4xi8>) -> tensor<4xi8> {
  return %x : tensor<4xi8>
}
