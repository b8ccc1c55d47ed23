/* Start-up code of a bare Cortex-M: from reset to vmcu_main, then to a stop that a debugger sees.
 *
 * The linker script supplies the addresses; vmcu_main is whatever the firmware runs, or nothing.
 */
#include <stdint.h>

extern uint32_t vmcu_data_start[], vmcu_data_end[], vmcu_bss_start[], vmcu_bss_end[], vmcu_stack_top[];
extern const uint32_t vmcu_data_load[];
extern int vmcu_main(void) __attribute__((weak));

void vmcu_reset(void);
void vmcu_stop(int status);
void vmcu_fault(void);

#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* coprocessor access: bits 20..23 switch the FPU on */

__attribute__((section(".vmcu_vectors"), used)) const uintptr_t vmcu_vectors[16] = {
    (uintptr_t)vmcu_stack_top, (uintptr_t)vmcu_reset, (uintptr_t)vmcu_fault, (uintptr_t)vmcu_fault,
    (uintptr_t)vmcu_fault,     (uintptr_t)vmcu_fault, (uintptr_t)vmcu_fault, 0, 0, 0, 0,
    (uintptr_t)vmcu_fault,     (uintptr_t)vmcu_fault, 0, (uintptr_t)vmcu_fault, (uintptr_t)vmcu_fault,
};

void vmcu_reset(void) {
#ifdef VMCU_FPU
  CPACR |= 0xFu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
  const uint32_t *from = vmcu_data_load;
  for (uint32_t *to = vmcu_data_start; to != vmcu_data_end;)
    *to++ = *from++;
  for (uint32_t *to = vmcu_bss_start; to != vmcu_bss_end;)
    *to++ = 0;
  vmcu_stop(vmcu_main ? vmcu_main() : 0);
}

/* The status is in r0 when the breakpoint is reached. */
__attribute__((naked, used)) void vmcu_stop(int status) { __asm__ volatile("bkpt #0\n b ."); }

__attribute__((naked, used)) void vmcu_fault(void) { __asm__ volatile("bkpt #1\n b ."); }
