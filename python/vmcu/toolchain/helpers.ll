; Functions that LLVM calls where a core has no instruction for an operation, by the names of Arm's run-time ABI.
;
; `helpers.py` puts those that a module needs into it, as internal functions. WORD is the alignment of a word that may be
; loaded in one instruction, LOOSE the bits of an address that such a word must not have.

; __aeabi_memcpy, __aeabi_memcpy4, __aeabi_memcpy8: places that do not overlap.
define internal void @copy(ptr %to, ptr %from, i32 %count) nounwind {
begin:
  %to.address = ptrtoint ptr %to to i32
  %from.address = ptrtoint ptr %from to i32
  %addresses = or i32 %to.address, %from.address
  %odd = and i32 %addresses, LOOSE
  %in.words = icmp eq i32 %odd, 0
  br i1 %in.words, label %blocks, label %bytes
blocks:
  %is.block = icmp ugt i32 %count, 15
  br i1 %is.block, label %block, label %words
block:
  %to.block = phi ptr [ %to, %blocks ], [ %to.after.block, %block ]
  %from.block = phi ptr [ %from, %blocks ], [ %from.after.block, %block ]
  %left.block = phi i32 [ %count, %blocks ], [ %left.after.block, %block ]
  %four.words = load <4 x i32>, ptr %from.block, align WORD
  store <4 x i32> %four.words, ptr %to.block, align WORD
  %to.after.block = getelementptr i8, ptr %to.block, i32 16
  %from.after.block = getelementptr i8, ptr %from.block, i32 16
  %left.after.block = sub i32 %left.block, 16
  %is.next.block = icmp ugt i32 %left.after.block, 15
  br i1 %is.next.block, label %block, label %words
words:
  %to.words = phi ptr [ %to, %blocks ], [ %to.after.block, %block ]
  %from.words = phi ptr [ %from, %blocks ], [ %from.after.block, %block ]
  %left.words = phi i32 [ %count, %blocks ], [ %left.after.block, %block ]
  %is.word = icmp ugt i32 %left.words, 3
  br i1 %is.word, label %word, label %bytes
word:
  %to.word = phi ptr [ %to.words, %words ], [ %to.after.word, %word ]
  %from.word = phi ptr [ %from.words, %words ], [ %from.after.word, %word ]
  %left.word = phi i32 [ %left.words, %words ], [ %left.after.word, %word ]
  %one.word = load i32, ptr %from.word, align WORD
  store i32 %one.word, ptr %to.word, align WORD
  %to.after.word = getelementptr i8, ptr %to.word, i32 4
  %from.after.word = getelementptr i8, ptr %from.word, i32 4
  %left.after.word = sub i32 %left.word, 4
  %is.next.word = icmp ugt i32 %left.after.word, 3
  br i1 %is.next.word, label %word, label %bytes
bytes:
  %to.bytes = phi ptr [ %to, %begin ], [ %to.words, %words ], [ %to.after.word, %word ]
  %from.bytes = phi ptr [ %from, %begin ], [ %from.words, %words ], [ %from.after.word, %word ]
  %left.bytes = phi i32 [ %count, %begin ], [ %left.words, %words ], [ %left.after.word, %word ]
  %is.byte = icmp ne i32 %left.bytes, 0
  br i1 %is.byte, label %byte, label %end
byte:
  %to.byte = phi ptr [ %to.bytes, %bytes ], [ %to.after.byte, %byte ]
  %from.byte = phi ptr [ %from.bytes, %bytes ], [ %from.after.byte, %byte ]
  %left.byte = phi i32 [ %left.bytes, %bytes ], [ %left.after.byte, %byte ]
  %one.byte = load i8, ptr %from.byte
  store i8 %one.byte, ptr %to.byte
  %to.after.byte = getelementptr i8, ptr %to.byte, i32 1
  %from.after.byte = getelementptr i8, ptr %from.byte, i32 1
  %left.after.byte = sub i32 %left.byte, 1
  %is.next.byte = icmp ne i32 %left.after.byte, 0
  br i1 %is.next.byte, label %byte, label %end
end:
  ret void
}

; __aeabi_memmove, __aeabi_memmove4, __aeabi_memmove8: upwards unless `to` lies inside the source. The difference wraps
; where it lies below.
define internal void @move(ptr %to, ptr %from, i32 %count) nounwind {
begin:
  %to.address = ptrtoint ptr %to to i32
  %from.address = ptrtoint ptr %from to i32
  %distance = sub i32 %to.address, %from.address
  %is.apart = icmp uge i32 %distance, %count
  br i1 %is.apart, label %upwards, label %downwards
upwards:
  call void @llvm.memcpy.p0.p0.i32(ptr %to, ptr %from, i32 %count, i1 false)
  br label %end
downwards:
  %addresses = or i32 %to.address, %from.address
  %all = or i32 %addresses, %count
  %odd = and i32 %all, 3
  %in.words = icmp eq i32 %odd, 0
  br i1 %in.words, label %words, label %bytes
words:
  %left.word = phi i32 [ %count, %downwards ], [ %at.word, %word ]
  %is.word = icmp ne i32 %left.word, 0
  br i1 %is.word, label %word, label %end
word:
  %at.word = sub i32 %left.word, 4
  %from.word = getelementptr i8, ptr %from, i32 %at.word
  %to.word = getelementptr i8, ptr %to, i32 %at.word
  %one.word = load i32, ptr %from.word
  store i32 %one.word, ptr %to.word
  br label %words
bytes:
  %left.byte = phi i32 [ %count, %downwards ], [ %at.byte, %byte ]
  %is.byte = icmp ne i32 %left.byte, 0
  br i1 %is.byte, label %byte, label %end
byte:
  %at.byte = sub i32 %left.byte, 1
  %from.byte = getelementptr i8, ptr %from, i32 %at.byte
  %to.byte = getelementptr i8, ptr %to, i32 %at.byte
  %one.byte = load i8, ptr %from.byte
  store i8 %one.byte, ptr %to.byte
  br label %bytes
end:
  ret void
}

; __aeabi_memset, __aeabi_memset4, __aeabi_memset8: the ABI's order of arguments is not that of C.
define internal void @set(ptr %to, i32 %count, i32 %value) nounwind {
begin:
  %low = and i32 %value, 255
  %filled = mul i32 %low, 16843009
  %one.byte = trunc i32 %value to i8
  %to.address = ptrtoint ptr %to to i32
  %odd = and i32 %to.address, LOOSE
  %in.words = icmp eq i32 %odd, 0
  br i1 %in.words, label %blocks, label %bytes
blocks:
  %is.block = icmp ugt i32 %count, 15
  br i1 %is.block, label %block, label %words
block:
  %to.block = phi ptr [ %to, %blocks ], [ %to.after.block, %block ]
  %left.block = phi i32 [ %count, %blocks ], [ %left.after.block, %block ]
  %second = getelementptr i8, ptr %to.block, i32 4
  %third = getelementptr i8, ptr %to.block, i32 8
  %fourth = getelementptr i8, ptr %to.block, i32 12
  store i32 %filled, ptr %to.block, align WORD
  store i32 %filled, ptr %second, align WORD
  store i32 %filled, ptr %third, align WORD
  store i32 %filled, ptr %fourth, align WORD
  %to.after.block = getelementptr i8, ptr %to.block, i32 16
  %left.after.block = sub i32 %left.block, 16
  %is.next.block = icmp ugt i32 %left.after.block, 15
  br i1 %is.next.block, label %block, label %words
words:
  %to.words = phi ptr [ %to, %blocks ], [ %to.after.block, %block ]
  %left.words = phi i32 [ %count, %blocks ], [ %left.after.block, %block ]
  %is.word = icmp ugt i32 %left.words, 3
  br i1 %is.word, label %word, label %bytes
word:
  %to.word = phi ptr [ %to.words, %words ], [ %to.after.word, %word ]
  %left.word = phi i32 [ %left.words, %words ], [ %left.after.word, %word ]
  store i32 %filled, ptr %to.word, align WORD
  %to.after.word = getelementptr i8, ptr %to.word, i32 4
  %left.after.word = sub i32 %left.word, 4
  %is.next.word = icmp ugt i32 %left.after.word, 3
  br i1 %is.next.word, label %word, label %bytes
bytes:
  %to.bytes = phi ptr [ %to, %begin ], [ %to.words, %words ], [ %to.after.word, %word ]
  %left.bytes = phi i32 [ %count, %begin ], [ %left.words, %words ], [ %left.after.word, %word ]
  %is.byte = icmp ne i32 %left.bytes, 0
  br i1 %is.byte, label %byte, label %end
byte:
  %to.byte = phi ptr [ %to.bytes, %bytes ], [ %to.after.byte, %byte ]
  %left.byte = phi i32 [ %left.bytes, %bytes ], [ %left.after.byte, %byte ]
  store i8 %one.byte, ptr %to.byte
  %to.after.byte = getelementptr i8, ptr %to.byte, i32 1
  %left.after.byte = sub i32 %left.byte, 1
  %is.next.byte = icmp ne i32 %left.after.byte, 0
  br i1 %is.next.byte, label %byte, label %end
end:
  ret void
}

; __aeabi_memclr, __aeabi_memclr4, __aeabi_memclr8: LLVM must not see the zero, or it would call this function again.
define internal void @clear(ptr %to, i32 %count) nounwind {
  %zero = call i32 asm "movs $0, #0", "=l,~{cc}"()
  %byte = trunc i32 %zero to i8
  call void @llvm.memset.p0.i32(ptr %to, i8 %byte, i32 %count, i1 false)
  ret void
}

; __aeabi_lmul: by products of halves, as a core that calls this multiplies 32 bits by 32 bits to 32 bits.
define internal i64 @multiply(i64 %a, i64 %b) nounwind {
  %a.low = trunc i64 %a to i32
  %b.low = trunc i64 %b to i32
  %a.shifted = lshr i64 %a, 32
  %b.shifted = lshr i64 %b, 32
  %a.high = trunc i64 %a.shifted to i32
  %b.high = trunc i64 %b.shifted to i32
  %a0 = and i32 %a.low, 65535
  %b0 = and i32 %b.low, 65535
  %a1 = lshr i32 %a.low, 16
  %b1 = lshr i32 %b.low, 16
  %p00 = mul i32 %a0, %b0
  %p01 = mul i32 %a0, %b1
  %p10 = mul i32 %a1, %b0
  %p11 = mul i32 %a1, %b1
  ; No sum overflows: (2**16 - 1)**2 + 2**16 - 1 < 2**32.
  %carry0 = lshr i32 %p00, 16
  %middle0 = add i32 %p10, %carry0
  %middle0.low = and i32 %middle0, 65535
  %middle1 = add i32 %p01, %middle0.low
  %p00.low = and i32 %p00, 65535
  %middle1.up = shl i32 %middle1, 16
  %low = or i32 %middle1.up, %p00.low
  %carry1 = lshr i32 %middle0, 16
  %carry2 = lshr i32 %middle1, 16
  %cross0 = mul i32 %a.low, %b.high
  %cross1 = mul i32 %a.high, %b.low
  %high0 = add i32 %p11, %carry1
  %high1 = add i32 %high0, %carry2
  %high2 = add i32 %high1, %cross0
  %high = add i32 %high2, %cross1
  %low.wide = zext i32 %low to i64
  %high.wide = zext i32 %high to i64
  %high.up = shl i64 %high.wide, 32
  %product = or i64 %high.up, %low.wide
  ret i64 %product
}

; __aeabi_uidiv, __aeabi_uidivmod: the quotient is the low word of the result, the remainder the high one. The divisor is
; shifted up to the dividend and comes down again bit by bit.
define internal i64 @divide(i32 %dividend, i32 %divisor) nounwind {
begin:
  %half = lshr i32 %dividend, 1
  %is.zero = icmp eq i32 %divisor, 0
  br i1 %is.zero, label %end, label %up
up:
  %shifted = phi i32 [ %divisor, %begin ], [ %shifted.up, %up.next ]
  %bit = phi i32 [ 1, %begin ], [ %bit.up, %up.next ]
  %is.below = icmp ule i32 %shifted, %half
  br i1 %is.below, label %up.next, label %down
up.next:
  %shifted.up = shl i32 %shifted, 1
  %bit.up = shl i32 %bit, 1
  br label %up
down:
  %part = phi i32 [ %shifted, %up ], [ %part.down, %down.next ]
  %place = phi i32 [ %bit, %up ], [ %place.down, %down.next ]
  %left = phi i32 [ %dividend, %up ], [ %left.after, %down.next ]
  %sum = phi i32 [ 0, %up ], [ %sum.after, %down.next ]
  %fits = icmp uge i32 %left, %part
  br i1 %fits, label %take, label %down.next
take:
  %left.less = sub i32 %left, %part
  %sum.more = or i32 %sum, %place
  br label %down.next
down.next:
  %left.after = phi i32 [ %left, %down ], [ %left.less, %take ]
  %sum.after = phi i32 [ %sum, %down ], [ %sum.more, %take ]
  %part.down = lshr i32 %part, 1
  %place.down = lshr i32 %place, 1
  %is.last = icmp eq i32 %place.down, 0
  br i1 %is.last, label %end, label %down
end:
  %quotient = phi i32 [ 0, %begin ], [ %sum.after, %down.next ]
  %remainder = phi i32 [ %dividend, %begin ], [ %left.after, %down.next ]
  %low = zext i32 %quotient to i64
  %high = zext i32 %remainder to i64
  %high.up = shl i64 %high, 32
  %both = or i64 %high.up, %low
  ret i64 %both
}

; __aeabi_idiv, __aeabi_idivmod: the remainder has the sign of the dividend.
define internal i64 @divide_signed(i32 %dividend, i32 %divisor) nounwind {
  %dividend.sign = ashr i32 %dividend, 31
  %divisor.sign = ashr i32 %divisor, 31
  %dividend.turned = xor i32 %dividend, %dividend.sign
  %divisor.turned = xor i32 %divisor, %divisor.sign
  %dividend.size = sub i32 %dividend.turned, %dividend.sign
  %divisor.size = sub i32 %divisor.turned, %divisor.sign
  %quotient.size = udiv i32 %dividend.size, %divisor.size
  %remainder.size = urem i32 %dividend.size, %divisor.size
  %sign = xor i32 %dividend.sign, %divisor.sign
  %quotient.turned = xor i32 %quotient.size, %sign
  %remainder.turned = xor i32 %remainder.size, %dividend.sign
  %quotient = sub i32 %quotient.turned, %sign
  %remainder = sub i32 %remainder.turned, %dividend.sign
  %low = zext i32 %quotient to i64
  %high = zext i32 %remainder to i64
  %high.up = shl i64 %high, 32
  %both = or i64 %high.up, %low
  ret i64 %both
}

; __aeabi_uldivmod: quotient and remainder in r0 to r3. A divisor of 16 bits, which is what models have, takes four
; divisions of 32 bits; others go bit by bit.
define internal { i64, i64 } @divide_long(i64 %dividend, i64 %divisor) nounwind {
begin:
  %half = lshr i64 %dividend, 1
  %is.zero = icmp eq i64 %divisor, 0
  br i1 %is.zero, label %end, label %choose
choose:
  %is.short = icmp ult i64 %divisor, 65536
  br i1 %is.short, label %short, label %up
short:
  %by = trunc i64 %divisor to i32
  %low.word = trunc i64 %dividend to i32
  %shifted.down = lshr i64 %dividend, 32
  %high.word = trunc i64 %shifted.down to i32
  %digit2 = lshr i32 %high.word, 16
  %digit1 = and i32 %high.word, 65535
  %digit0.high = lshr i32 %low.word, 16
  %digit0.low = and i32 %low.word, 65535
  %q3 = udiv i32 %digit2, %by
  %r3 = urem i32 %digit2, %by
  %r3.up = shl i32 %r3, 16
  %n2 = or i32 %r3.up, %digit1
  %q2 = udiv i32 %n2, %by
  %r2 = urem i32 %n2, %by
  %r2.up = shl i32 %r2, 16
  %n1 = or i32 %r2.up, %digit0.high
  %q1 = udiv i32 %n1, %by
  %r1 = urem i32 %n1, %by
  %r1.up = shl i32 %r1, 16
  %n0 = or i32 %r1.up, %digit0.low
  %q0 = udiv i32 %n0, %by
  %r0 = urem i32 %n0, %by
  %q3.up = shl i32 %q3, 16
  %q1.up = shl i32 %q1, 16
  %q.high = or i32 %q3.up, %q2
  %q.low = or i32 %q1.up, %q0
  %q.high.wide = zext i32 %q.high to i64
  %q.low.wide = zext i32 %q.low to i64
  %q.high.up = shl i64 %q.high.wide, 32
  %q.short = or i64 %q.high.up, %q.low.wide
  %r.short = zext i32 %r0 to i64
  br label %end
up:
  %shifted = phi i64 [ %divisor, %choose ], [ %shifted.up, %up.next ]
  %bit = phi i64 [ 1, %choose ], [ %bit.up, %up.next ]
  %is.below = icmp ule i64 %shifted, %half
  br i1 %is.below, label %up.next, label %down
up.next:
  %shifted.up = shl i64 %shifted, 1
  %bit.up = shl i64 %bit, 1
  br label %up
down:
  %part = phi i64 [ %shifted, %up ], [ %part.down, %down.next ]
  %place = phi i64 [ %bit, %up ], [ %place.down, %down.next ]
  %left = phi i64 [ %dividend, %up ], [ %left.after, %down.next ]
  %sum = phi i64 [ 0, %up ], [ %sum.after, %down.next ]
  %fits = icmp uge i64 %left, %part
  br i1 %fits, label %take, label %down.next
take:
  %left.less = sub i64 %left, %part
  %sum.more = or i64 %sum, %place
  br label %down.next
down.next:
  %left.after = phi i64 [ %left, %down ], [ %left.less, %take ]
  %sum.after = phi i64 [ %sum, %down ], [ %sum.more, %take ]
  %part.down = lshr i64 %part, 1
  %place.down = lshr i64 %place, 1
  %is.last = icmp eq i64 %place.down, 0
  br i1 %is.last, label %end, label %down
end:
  %quotient = phi i64 [ 0, %begin ], [ %q.short, %short ], [ %sum.after, %down.next ]
  %remainder = phi i64 [ %dividend, %begin ], [ %r.short, %short ], [ %left.after, %down.next ]
  %first = insertvalue { i64, i64 } poison, i64 %quotient, 0
  %both = insertvalue { i64, i64 } %first, i64 %remainder, 1
  ret { i64, i64 } %both
}

; __aeabi_ldivmod
define internal { i64, i64 } @divide_long_signed(i64 %dividend, i64 %divisor) nounwind {
  %dividend.sign = ashr i64 %dividend, 63
  %divisor.sign = ashr i64 %divisor, 63
  %dividend.turned = xor i64 %dividend, %dividend.sign
  %divisor.turned = xor i64 %divisor, %divisor.sign
  %dividend.size = sub i64 %dividend.turned, %dividend.sign
  %divisor.size = sub i64 %divisor.turned, %divisor.sign
  %quotient.size = udiv i64 %dividend.size, %divisor.size
  %remainder.size = urem i64 %dividend.size, %divisor.size
  %sign = xor i64 %dividend.sign, %divisor.sign
  %quotient.turned = xor i64 %quotient.size, %sign
  %remainder.turned = xor i64 %remainder.size, %dividend.sign
  %quotient = sub i64 %quotient.turned, %sign
  %remainder = sub i64 %remainder.turned, %dividend.sign
  %first = insertvalue { i64, i64 } poison, i64 %quotient, 0
  %both = insertvalue { i64, i64 } %first, i64 %remainder, 1
  ret { i64, i64 } %both
}

; __aeabi_llsl: by 0 to 63. What crosses to the high word goes down by one and then by 31 less the shift, as a shift by 32
; has no meaning.
define internal i64 @shift_left(i64 %value, i32 %by) nounwind {
begin:
  %low = trunc i64 %value to i32
  %value.down = lshr i64 %value, 32
  %high = trunc i64 %value.down to i32
  %is.far = icmp ugt i32 %by, 31
  br i1 %is.far, label %far, label %near
far:
  %by.less = sub i32 %by, 32
  %high.far = shl i32 %low, %by.less
  br label %end
near:
  %low.near = shl i32 %low, %by
  %own = shl i32 %high, %by
  %other = xor i32 %by, 31
  %low.half = lshr i32 %low, 1
  %crossing = lshr i32 %low.half, %other
  %high.near = or i32 %own, %crossing
  br label %end
end:
  %new.low = phi i32 [ 0, %far ], [ %low.near, %near ]
  %new.high = phi i32 [ %high.far, %far ], [ %high.near, %near ]
  %low.wide = zext i32 %new.low to i64
  %high.wide = zext i32 %new.high to i64
  %high.up = shl i64 %high.wide, 32
  %shifted = or i64 %high.up, %low.wide
  ret i64 %shifted
}

; __aeabi_llsr, __aeabi_lasr: SHIFT is `lshr` or `ashr`.
define internal i64 @shift_right(i64 %value, i32 %by) nounwind {
begin:
  %low = trunc i64 %value to i32
  %value.down = lshr i64 %value, 32
  %high = trunc i64 %value.down to i32
  %is.far = icmp ugt i32 %by, 31
  br i1 %is.far, label %far, label %near
far:
  %by.less = sub i32 %by, 32
  %low.far = SHIFT i32 %high, %by.less
  %high.far = SHIFT i32 %high, 31
  %high.gone = SHIFT i32 %high.far, 1
  br label %end
near:
  %high.near = SHIFT i32 %high, %by
  %own = lshr i32 %low, %by
  %other = xor i32 %by, 31
  %high.twice = shl i32 %high, 1
  %crossing = shl i32 %high.twice, %other
  %low.near = or i32 %own, %crossing
  br label %end
end:
  %new.low = phi i32 [ %low.far, %far ], [ %low.near, %near ]
  %new.high = phi i32 [ %high.gone, %far ], [ %high.near, %near ]
  %low.wide = zext i32 %new.low to i64
  %high.wide = zext i32 %new.high to i64
  %high.up = shl i64 %high.wide, 32
  %shifted = or i64 %high.up, %low.wide
  ret i64 %shifted
}

; __clzsi2: leading zeros; 32 of zero.
define internal i32 @leading_zeros(i32 %value) nounwind {
begin:
  br label %step
step:
  %left = phi i32 [ %value, %begin ], [ %left.after, %step ]
  %zeros = phi i32 [ 32, %begin ], [ %zeros.after, %step ]
  %by = phi i32 [ 16, %begin ], [ %by.next, %step ]
  %high = lshr i32 %left, %by
  %is.some = icmp ne i32 %high, 0
  %fewer = sub i32 %zeros, %by
  %left.after = select i1 %is.some, i32 %high, i32 %left
  %zeros.after = select i1 %is.some, i32 %fewer, i32 %zeros
  %by.next = lshr i32 %by, 1
  %is.last = icmp eq i32 %by.next, 0
  br i1 %is.last, label %end, label %step
end:
  %result = sub i32 %zeros.after, %left.after
  ret i32 %result
}

; roundf: to the nearest whole number, halves away from zero. Above 2**23 every float is whole.
define internal float @round(float %value) nounwind {
begin:
  %size = call float @llvm.fabs.f32(float %value)
  %is.small = fcmp olt float %size, 8388608.0
  br i1 %is.small, label %small, label %whole
small:
  %below = fptosi float %size to i32
  %floor = sitofp i32 %below to float
  %rest = fsub float %size, %floor
  %is.up = fcmp oge float %rest, 0.5
  %above = fadd float %floor, 1.0
  %rounded = select i1 %is.up, float %above, float %floor
  %result = call float @llvm.copysign.f32(float %rounded, float %value)
  ret float %result
whole:
  ret float %value
}
