"""What crosses to C and back: names, arrays, the header, the reports of an instrumented program."""
