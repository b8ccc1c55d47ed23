// What a requantisation refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics --canonicalize

func.func @requantize_c1(%v: vector<2x4xi32>, %m: vector<4xi32>, %s: vector<4xi8>) {
  // expected-error@+1 {{makes 'vector<4x2xi8>' of 'vector<2x4xi32>', shapes differ}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<2x4xi32>, vector<4xi32>, vector<4xi8> -> vector<4x2xi8>
  return
}

// -----

func.func @requantize_c2_multipliers(%v: vector<2x4xi32>, %m: vector<2xi32>, %s: vector<4xi8>) {
  // expected-error@+1 {{has 2 multipliers for 4 channels}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<2x4xi32>, vector<2xi32>, vector<4xi8> -> vector<2x4xi8>
  return
}

// -----

func.func @requantize_c2_shifts(%v: vector<4xi32>, %m: vector<4xi32>, %s: vector<3xi8>) {
  // expected-error@+1 {{has 3 shifts for 4 channels}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<4xi32>, vector<3xi8> -> vector<4xi8>
  return
}

// -----

func.func @requantize_c3_empty(%v: vector<4xi32>, %m: vector<1xi32>, %s: vector<1xi8>) {
  // expected-error@+1 {{clamps to [5, 4], elements hold [-128, 255]}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp 5 to 4
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  return
}

// -----

func.func @requantize_c3_element(%v: vector<4xi32>, %m: vector<1xi32>, %s: vector<1xi8>) {
  // expected-error@+1 {{clamps to [-128, 128], elements hold [-128, 127]}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 128
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  return
}

// -----

func.func @requantize_c4_low(%v: vector<4xi32>, %m: vector<1xi32>) {
  %s = arith.constant dense<1> : vector<1xi8>
  // expected-error@+1 {{shifts by 1, expected 2 to 62}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  return
}

// -----

func.func @requantize_c4_high(%v: vector<4xi32>, %m: vector<4xi32>) {
  %s = arith.constant dense<[2, 62, 63, 2]> : vector<4xi8>
  // expected-error@+1 {{shifts by 63, expected 2 to 62}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<4xi32>, vector<4xi8> -> vector<4xi8>
  return
}

// -----

// The shift becomes a constant only while canonicalizing: the op must neither fold with it nor verify.
func.func @requantize_c4_late() -> vector<4xi8> {
  %v = arith.constant dense<5> : vector<4xi32>
  %m = arith.constant dense<1073741824> : vector<1xi32>
  %70 = arith.constant 70 : i8
  %s = vector.broadcast %70 : i8 to vector<1xi8>
  // expected-error@+1 {{shifts by 70, expected 2 to 62}}
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  return %0 : vector<4xi8>
}
