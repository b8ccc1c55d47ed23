// Types and attributes survive their own spelling and bytecode.
// RUN: vmcu-opt %s | vmcu-opt | FileCheck %s
// RUN: vmcu-opt %s --emit-bytecode | vmcu-opt | FileCheck %s

// CHECK-LABEL: func.func private @pools(!vmcu.pool<1>, !vmcu.pool<4294967295>)
func.func private @pools(!vmcu.pool<1>, !vmcu.pool<4294967295>)

// CHECK-LABEL: func.func private @sequences
// CHECK-SAME: !vmcu.sequence<1x1xi8>, !vmcu.sequence<96x288xi8, ring = 3>, !vmcu.sequence<4x8xi8, ring = 4>, !vmcu.sequence<65535x65537xi8>, !vmcu.sequence<1x8xi1>, !vmcu.sequence<4x8xi16>, !vmcu.sequence<4x8xf32, ring = 2>
func.func private @sequences(!vmcu.sequence<1x1xi8>, !vmcu.sequence<96x288xi8, ring = 3>, !vmcu.sequence<4x8xi8, ring = 4>,
                             !vmcu.sequence<65535x65537xi8>, !vmcu.sequence<1x8xi1>, !vmcu.sequence<4x8xi16>,
                             !vmcu.sequence<4x8xf32, ring = 2>)

// CHECK-LABEL: func.func private @attributes
func.func private @attributes() attributes {
  // CHECK-SAME: kinds = [#vmcu<kind conv2d>, #vmcu<kind depthwise>, #vmcu<kind pool>, #vmcu<kind elementwise>, #vmcu<kind buffer>]
  kinds = [#vmcu<kind conv2d>, #vmcu<kind depthwise>, #vmcu<kind pool>, #vmcu<kind elementwise>, #vmcu<kind buffer>],
  // CHECK-SAME: phases = [#vmcu.phase<scale = 2, shift = -1, rows = 8>]
  phases = [#vmcu.phase<scale = 2, shift = -1, rows = 8>],
  // CHECK-SAME: roles = [#vmcu<role input>, #vmcu<role output>]
  roles = [#vmcu<role input>, #vmcu<role output>],
  // CHECK-SAME: rounding = [#vmcu<rounding single>, #vmcu<rounding double>]
  rounding = [#vmcu<rounding single>, #vmcu<rounding double>],
  // CHECK-SAME: sides = [#vmcu<side before>, #vmcu<side from>]
  sides = [#vmcu<side before>, #vmcu<side from>],
  // CHECK-SAME: traversals = [#vmcu<traversal forward>, #vmcu<traversal backward>]
  traversals = [#vmcu<traversal forward>, #vmcu<traversal backward>],
  // CHECK-SAME: variants = [#vmcu.variant<"row">, #vmcu.variant<"matmul", pixels = 1, unroll = 32>]
  variants = [#vmcu.variant<"row">, #vmcu.variant<"matmul", unroll = 32, pixels = 1>]}
