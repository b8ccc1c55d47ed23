"""Which variant of a kernel is the fastest: measured, not guessed.

    for task in find_tasks(module, target):
        cache = cache.updated({task.key: task.measure()})

`vmcu tune` does this for a model; `vmcu-choose-variants` reads the result.
"""

from vmcu.isa.measurements import CODE_BUDGET, SHIPPED, Cache, Measured, key, shipped, user_path

__all__ = ["CODE_BUDGET", "SHIPPED", "Cache", "Measured", "key", "shipped", "user_path"]
