"""How kernels are computed on an instruction set: families of kernels, and the lowering of their ops."""

from __future__ import annotations

from collections.abc import Iterator

from vmcu.cores import Features
from vmcu.dialects import vmcu as d
from vmcu.errors import InputError
from vmcu.ir.bridge import PassError
from vmcu.isa.arm_dsp import ARM_DSP, ARM_DSP_FPU
from vmcu.isa.base import Isa
from vmcu.isa.own import OwnFamily, Registration, add, is_any_offered, known, offered
from vmcu.isa.scalar import SCALAR
from vmcu.operators import PLAIN, PLAIN_LOOPS, Family, Kernel, Operator, Variant, describe

__all__ = [
    "ISAS",
    "Isa",
    "OwnFamily",
    "choose_isa",
    "has_families",
    "in_variant",
    "offers",
    "read_kernel",
    "register",
]

ISAS = (ARM_DSP_FPU, ARM_DSP, SCALAR)


def choose_isa(core: Features) -> Isa:
    """The instruction set of a core with these features."""
    if not core.dsp:
        return SCALAR
    return ARM_DSP_FPU if core.fpu else ARM_DSP


def has_families(isa: Isa) -> bool:
    """Whether anything but plain loops may be offered on an instruction set."""
    return bool(isa.families) or is_any_offered()


def offers(operator: Operator, isa: Isa | None = None) -> tuple[Kernel, ...]:
    """The ways to compute an operator on `isa`, or on any, beside its plain loops: the user's own, then the best guess."""
    own = (Kernel(operator, each, variant) for each in offered(operator) for variant in each.offers(operator))
    built_in = (
        Kernel(operator, family, variant)
        for each in ISAS
        if isa in (None, each)
        for family in each.families
        if isinstance(operator, family.computes)
        for variant in family.offers(operator)
    )
    return (*own, *built_in)


def register(family: OwnFamily) -> Registration:
    """Let every kernel be computed by a family of one's own that offers to, before any other; on all instruction sets.

    Use as `with vmcu.register(family): ...`, or alone to have it for good. The latest family comes first.

    Raises:
        InputError: the family's name is no identifier, or one of the compiler's own.
    """
    taken = {each.name for isa in ISAS for each in isa.families if each.computes is family.computes}
    if not family.name.isidentifier() or family.name in taken:
        raise InputError(f"the name of a family is an identifier that no built-in family has, found '{family.name}'")
    return add(family)


def read_kernel(op: d.DescribedKernel) -> Kernel:
    """What a kernel (on tensors, or placed) computes, in the variant that it names.

    Raises:
        PassError: its kind promises segments, but the body is not of that form, or it has no such variant.
    """
    operator = describe(op)
    variant = Variant.of(op)
    try:
        return in_variant(operator, variant)
    except ValueError:
        raise has_no_variant(op, operator, str(variant)) from None


def has_no_variant(op: d.DescribedKernel, operator: Operator, text: str) -> PassError:
    """The error that a kernel is not computed in the variant `text`."""
    supported = " or ".join(dict.fromkeys(repr(str(each.variant)) for each in offers(operator))) or "none"
    return PassError(op, f"kernel {op.name.value} has no variant {text!r}; supported for it is {supported}")


def in_variant(operator: Operator, variant: Variant) -> Kernel:
    """An operator in a variant that one of its families offers, though the numbers of the options may be others.

    Raises:
        ValueError: no family offers it.
    """
    if variant == PLAIN:
        return Kernel(operator, _plain_loops(operator))
    for family in _families_of(operator):
        known = family.offers(operator) if family.name == variant.name else ()
        options = {key for each in known for key, _ in each.options}
        if known and all(key in options and number > 0 for key, number in variant.options):
            return Kernel(operator, family, variant)
    raise ValueError(variant)


def _families_of(operator: Operator) -> Iterator[Family]:
    yield from known(operator)
    yield from (family for isa in ISAS for family in isa.families if isinstance(operator, family.computes))


def _plain_loops(operator: Operator) -> Family:
    return next(family for family in PLAIN_LOOPS if type(operator) is family.computes)
