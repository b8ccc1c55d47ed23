// What a pass refuses can be expected at the op, case by case, like an error of a verifier.
// RUN: python %S/Inputs/opt_with_test_passes.py %s --test-refuse -split-input-file -verify-diagnostics

// expected-error@+1 {{function "f" is refused}}
func.func @f() { return }

// -----

// expected-error@+1 {{function "g" is refused}}
func.func private @g()
