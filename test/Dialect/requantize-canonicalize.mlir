// A requantisation of constants folds to what apply_scale_32 of TOSA gives; the numbers were computed with Python's
// integers, and test_requantize_fold.py compares many more.
// RUN: vmcu-opt %s --canonicalize | FileCheck %s

// Ties of a half go up, also below zero; with 31 bits or less to drop, both roundings agree.
// CHECK-LABEL: func.func @half
func.func @half() -> (vector<8xi8>, vector<8xi8>) {
  // CHECK: %[[R:.*]] = arith.constant dense<[-3, -2, -1, -1, 0, 0, 1, 1]> : vector<8xi8>
  // CHECK: return %[[R]], %[[R]]
  %v = arith.constant dense<[-6, -5, -3, -2, -1, 0, 1, 2]> : vector<8xi32>
  %m = arith.constant dense<1073741824> : vector<1xi32>
  %s = arith.constant dense<31> : vector<1xi8>
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<8xi32>, vector<1xi32>, vector<1xi8> -> vector<8xi8>
  %1 = vmcu.requantize %v by %m, %s round double zero_point 0 clamp -128 to 127
    : vector<8xi32>, vector<1xi32>, vector<1xi8> -> vector<8xi8>
  return %0, %1 : vector<8xi8>, vector<8xi8>
}

// One bit more, and the double rounding moves -6, -2 and 1.
// CHECK-LABEL: func.func @quarter
func.func @quarter() -> (vector<8xi8>, vector<8xi8>) {
  // CHECK-DAG: %[[SINGLE:.*]] = arith.constant dense<[-1, -1, -1, 0, 0, 0, 0, 1]> : vector<8xi8>
  // CHECK-DAG: %[[DOUBLE:.*]] = arith.constant dense<[-2, -1, -1, -1, 0, 0, 1, 1]> : vector<8xi8>
  // CHECK: return %[[SINGLE]], %[[DOUBLE]]
  %v = arith.constant dense<[-6, -5, -3, -2, -1, 0, 1, 2]> : vector<8xi32>
  %m = arith.constant dense<1073741824> : vector<1xi32>
  %s = arith.constant dense<32> : vector<1xi8>
  %0 = vmcu.requantize %v by %m, %s round single zero_point 0 clamp -128 to 127
    : vector<8xi32>, vector<1xi32>, vector<1xi8> -> vector<8xi8>
  %1 = vmcu.requantize %v by %m, %s round double zero_point 0 clamp -128 to 127
    : vector<8xi32>, vector<1xi32>, vector<1xi8> -> vector<8xi8>
  return %0, %1 : vector<8xi8>, vector<8xi8>
}

// The zero point comes before the clamp.
// CHECK-LABEL: func.func @per_channel
func.func @per_channel() -> vector<2x4xi8> {
  // CHECK: arith.constant dense<{{\[\[}}2, -34, -3, -3], [2, -34, -2, -128]]> : vector<2x4xi8>
  // CHECK-NEXT: return
  %v = arith.constant dense<[[1000, -1000, 70000, -70000], [1001, -1003, 2147483647, -2147483648]]> : vector<2x4xi32>
  %m = arith.constant dense<[1395864371, 1073741824, 2147483647, 1518500250]> : vector<4xi32>
  %s = arith.constant dense<[38, 35, 62, 50]> : vector<4xi8>
  %0 = vmcu.requantize %v by %m, %s round double zero_point -3 clamp -128 to 127
    : vector<2x4xi32>, vector<4xi32>, vector<4xi8> -> vector<2x4xi8>
  return %0 : vector<2x4xi8>
}

// CHECK-LABEL: func.func @clamped_words
func.func @clamped_words() -> vector<4xi32> {
  // CHECK: arith.constant dense<[121, 125, -119, -130]> : vector<4xi32>
  %v = arith.constant dense<[120, 130, -120, -140]> : vector<4xi32>
  %m = arith.constant dense<1073741824> : vector<4xi32>
  %s = arith.constant dense<30> : vector<4xi8>
  %0 = vmcu.requantize %v by %m, %s round double zero_point 1 clamp -130 to 125
    : vector<4xi32>, vector<4xi32>, vector<4xi8> -> vector<4xi32>
  return %0 : vector<4xi32>
}

// CHECK-LABEL: func.func @one_operand_unknown
func.func @one_operand_unknown(%v: vector<4xi32>, %m: vector<1xi32>, %s: vector<1xi8>)
    -> (vector<4xi8>, vector<4xi8>, vector<4xi8>) {
  // CHECK-COUNT-3: vmcu.requantize
  %cv = arith.constant dense<0> : vector<4xi32>
  %cm = arith.constant dense<1073741824> : vector<1xi32>
  %cs = arith.constant dense<31> : vector<1xi8>
  %0 = vmcu.requantize %v by %cm, %cs round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  %1 = vmcu.requantize %cv by %m, %cs round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  %2 = vmcu.requantize %cv by %cm, %s round single zero_point 0 clamp -128 to 127
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi8>
  return %0, %1, %2 : vector<4xi8>, vector<4xi8>, vector<4xi8>
}
