"""How kernels are computed on an instruction set: families of kernels and the lowering of their ops."""
