// The fields of an options dataclass are the options of its pass: typed, with units and defaults, and shown by --help.
// RUN: python %S/Inputs/opt_with_test_passes.py %s --test-show-options | FileCheck %s --check-prefix=DEFAULT
// RUN: python %S/Inputs/opt_with_test_passes.py %s \
// RUN:   --test-show-options="size=2KiB count=-3 share=1e-3 mode=small loud name='a b'" | FileCheck %s --check-prefix=SET
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-show-options=mode=large 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not python %S/Inputs/opt_with_test_passes.py %s --test-show-options=loud=1 2>&1 | FileCheck %s --check-prefix=BOOL
// RUN: python %S/Inputs/opt_with_test_passes.py --help | FileCheck %s --check-prefix=HELP
// DEFAULT: TestOptions(size=None, count=2, share=0.5, mode='fast', loud=False, name='it')
// SET: TestOptions(size=2048, count=-3, share=0.001, mode='small', loud=True, name='a b')
// WORD: error: <test-show-options>: mode is one of fast, small, found 'large'
// BOOL: error: <test-show-options>: loud is true or false, found '1'
// HELP: --test-show-options
// HELP-NEXT: size=<bytes>: how large{{$}}
// HELP-NEXT: count=<int>: how many [default: 2]
// HELP-NEXT: share=<float>: how much [default: 0.5]
// HELP-NEXT: mode=<fast|small>: what for [default: fast]
// HELP-NEXT: loud=<true|false>: whether to say so [default: False]
// HELP-NEXT: name=<str>: whom [default: it]
module {}
