"""Programs that run: an emulated core, firmware on it, the sanitizer of its pool, oracles beside it."""
