/* The memory functions LLVM calls, a word at a time where both addresses allow it.
 *
 * Zig's library has them too, but on Thumb they move single bytes, at 13 cycles each.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __ARM_FEATURE_UNALIGNED
/* Words may lie anywhere. */
typedef uint32_t __attribute__((aligned(1), may_alias)) word;
#define IN_WORDS(...) 1
#else
typedef uint32_t __attribute__((may_alias)) word;
#define IN_WORDS(addresses) (((uintptr_t)(addresses) & 3) == 0)
#endif

__attribute__((noinline)) void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  char *t = to;
  const char *f = from;
  if (!IN_WORDS((uintptr_t)t | (uintptr_t)f))
    goto bytes;
  for (; count >= 16; count -= 16, t += 16, f += 16) {
    word a = ((const word *)f)[0], b = ((const word *)f)[1], c = ((const word *)f)[2], d = ((const word *)f)[3];
    ((word *)t)[0] = a, ((word *)t)[1] = b, ((word *)t)[2] = c, ((word *)t)[3] = d;
  }
  for (; count >= 4; count -= 4, t += 4, f += 4)
    *(word *)t = *(const word *)f;
bytes:
  for (; count; count--)
    *t++ = *f++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  char *t = to;
  const char *f = from;
  /* Upwards is right unless `to` lies inside the source; the difference wraps when it lies below. */
  if ((uintptr_t)t - (uintptr_t)f >= count)
    return memcpy(to, from, count);
  for (; IN_WORDS((uintptr_t)t | (uintptr_t)f | count) && count >= 4; count -= 4)
    *(word *)(t + count - 4) = *(const word *)(f + count - 4);
  for (; count; count--)
    t[count - 1] = f[count - 1];
  return to;
}

__attribute__((noinline)) void *memset(void *to, int value, size_t count) {
  char *t = to;
  const word filled = (uint8_t)value * 0x01010101u;
  if (!IN_WORDS(t))
    goto bytes;
  for (; count >= 16; count -= 16, t += 16)
    ((word *)t)[0] = filled, ((word *)t)[1] = filled, ((word *)t)[2] = filled, ((word *)t)[3] = filled;
  for (; count >= 4; count -= 4, t += 4)
    *(word *)t = filled;
bytes:
  for (; count; count--)
    *t++ = (char)value;
  return to;
}

/* The Arm run-time ABI's names; note the order of its arguments to memset. */
#define COPY(name, function) void name(void *, const void *, size_t) __attribute__((alias(#function)))
#define SET(name)                                                                                                      \
  void name(void *to, size_t count, int value) { memset(to, value, count); }
#define CLEAR(name)                                                                                                    \
  void name(void *to, size_t count) { memset(to, 0, count); }

COPY(__aeabi_memcpy, memcpy);
COPY(__aeabi_memcpy4, memcpy);
COPY(__aeabi_memcpy8, memcpy);
COPY(__aeabi_memmove, memmove);
COPY(__aeabi_memmove4, memmove);
COPY(__aeabi_memmove8, memmove);
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
