// What the types refuse; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{a pool has at least one byte and less than 4 GiB, found 0}}
func.func private @pool_c1_empty(!vmcu.pool<0>)

// -----

// expected-error@+1 {{a pool has at least one byte and less than 4 GiB, found 4294967296}}
func.func private @pool_c1_too_large(!vmcu.pool<4294967296>)

// -----

// expected-error@+1 {{length and elements of a sequence are positive, found 0x8}}
func.func private @sequence_c1_length(!vmcu.sequence<0x8xi8>)

// -----

// expected-error@+1 {{length and elements of a sequence are positive, found 8x0}}
func.func private @sequence_c1_bytes(!vmcu.sequence<8x0xi8>)

// -----

// expected-error@+1 {{a ring holds 1 to 4 segments, found 0}}
func.func private @sequence_c2_empty_ring(!vmcu.sequence<4x8xi8, ring = 0>)

// -----

// expected-error@+1 {{a ring holds 1 to 4 segments, found -1}}
func.func private @sequence_c2_negative_ring(!vmcu.sequence<4x8xi8, ring = -1>)

// -----

// expected-error@+1 {{a ring holds 1 to 4 segments, found 5}}
func.func private @sequence_c2_ring_beyond_length(!vmcu.sequence<4x8xi8, ring = 5>)

// -----

// expected-error@+1 {{a sequence has less than 4 GiB, found 65536x65536 elements of 'i8'}}
func.func private @sequence_c3(!vmcu.sequence<65536x65536xi8>)

// -----

// expected-error@+1 {{a sequence has less than 4 GiB, found 4611686018427387904x4 elements of 'i8'}}
func.func private @sequence_c3_beyond_64_bits(!vmcu.sequence<4611686018427387904x4xi8>)

// -----

// expected-error@+1 {{a sequence has less than 4 GiB, found 65536x16384 elements of 'i32'}}
func.func private @sequence_c3_of_words(!vmcu.sequence<65536x16384xi32>)

// -----

// expected-error@+1 {{elements of a sequence are signless integers of 1, 8, 16, 32 or 64 bits or floats of 16, 32 or 64 bits, found 'index'}}
func.func private @sequence_c4_index(!vmcu.sequence<4x8xindex>)

// -----

// expected-error@+1 {{or floats of 16, 32 or 64 bits, found 'i48'}}
func.func private @sequence_c4_width(!vmcu.sequence<4x8xi48>)

// -----

// expected-error@+1 {{or floats of 16, 32 or 64 bits, found 'ui8'}}
func.func private @sequence_c4_signed(!vmcu.sequence<4x8xui8>)

// -----

// expected-error@+1 {{or floats of 16, 32 or 64 bits, found 'tensor<4xi8>'}}
func.func private @sequence_c4_shaped(!vmcu.sequence<4x8xtensor<4xi8>>)

// -----

// expected-error@+1 {{expected 'length x elements x type', found 3 dimensions}}
func.func private @sequence_dimensions(!vmcu.sequence<4x8x8xi8>)

// -----

// expected-error@+1 {{expected 'x' in dimension list}}
func.func private @sequence_without_type(!vmcu.sequence<4x8>)

// -----

// expected-error@+1 {{scale and rows of a phase are positive, found 0 and 4}}
func.func private @phase_c1_scale() attributes {phase = #vmcu.phase<scale = 0, shift = 1, rows = 4>}

// -----

// expected-error@+1 {{scale and rows of a phase are positive, found 1 and -4}}
func.func private @phase_c1_rows() attributes {phase = #vmcu.phase<scale = 1, shift = 1, rows = -4>}

// -----

// expected-error@+1 {{the name of a variant is not empty and has no ',', '=' or ';', found ""}}
func.func private @variant_c1_empty() attributes {variant = #vmcu.variant<"">}

// -----

// expected-error@+1 {{the name of a variant is not empty and has no ',', '=' or ';', found "matmul,pixels=1"}}
func.func private @variant_c1_divided() attributes {variant = #vmcu.variant<"matmul,pixels=1">}

// -----

// expected-error@+1 {{options of a variant are positive i64, found pixels = 0 : i64}}
func.func private @variant_c2() attributes {variant = #vmcu.variant<"matmul", pixels = 0>}

// -----

// expected-error@+1 {{expected integer value}}
func.func private @variant_number() attributes {variant = #vmcu.variant<"matmul", pixels = x>}

// -----

// expected-error@+1 {{option 'pixels' is given twice}}
func.func private @variant_twice() attributes {variant = #vmcu.variant<"matmul", pixels = 1, pixels = 2>}
