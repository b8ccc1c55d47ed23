"""Compile the digit network, and let an emulated Cortex-M4 read handwriting it has never seen.

python examples/digits/demo.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import vmcu

HERE = Path(__file__).parent
MEGAHERTZ = 80  # a common clock of Cortex-M4 parts; only the line with milliseconds depends on it
SHOWN = 2  # digits to draw
SHADES = " ░▒▓█"


def draw(image: np.ndarray) -> list[str]:
    """An image of 8x8 pixels 0..16 as eight lines, two characters a pixel."""
    return ["".join(2 * SHADES[-(-int(pixel) * 4 // 16)] for pixel in row) for row in image]


def show(images: np.ndarray, labels: np.ndarray, guesses: np.ndarray) -> None:
    """Draw digits side by side, each with what was written and what was read."""
    print("\n".join("  ".join(lines) for lines in zip(*map(draw, images))))
    print("  ".join(f"{f'a {label}, read as {guess}':16}" for label, guess in zip(labels, guesses)))


def classify(firmware: vmcu.Firmware, inputs: np.ndarray) -> tuple[np.ndarray, int]:
    """Run every image; returns the logits, and how many results equal the host's bit for bit."""
    reference = firmware.compiled.reference
    logits = [firmware.run(image[None], count=False).outputs[0] for image in inputs]
    exact = sum(np.array_equal(found, reference(image[None])[0]) for found, image in zip(logits, inputs))
    return np.concatenate(logits), exact


def main() -> None:
    """Classify all held-out digits and print what it took."""
    heldout = np.load(HERE / "heldout.npz")
    inputs, labels = heldout["inputs"], heldout["labels"]
    compiled = vmcu.compile_model(HERE / "digits.tflite", "cortex-m4")
    with compiled.firmware() as firmware:
        logits, exact = classify(firmware, inputs)
        counts = firmware.run(inputs[0][None]).counts
        flash = firmware.sizes.flash
    guesses = logits.argmax(axis=1)
    right, total = int((guesses == labels).sum()), len(labels)

    show(heldout["images"][:SHOWN], labels[:SHOWN], guesses[:SHOWN])
    for name, value in (
        ("held-out digits", f"{right} of {total} right ({100 * right / total:.2f} %)"),
        ("equal to the host", f"{exact} of {total} results, bit for bit"),
        (
            "RAM, all tensors",
            f"{compiled.pool_bytes:,} bytes in one pool; "
            f"tensor by tensor the largest layer alone takes {compiled.layerwise_bytes:,}",
        ),
        ("RAM, stack", f"{counts.stack_bytes:,} bytes, measured"),
        ("flash", f"{flash:,} bytes, start-up code included"),
        (
            "time (modelled)",
            f"{counts.cycles:,} cycles, {counts.cycles / MEGAHERTZ / 1000:.1f} ms at {MEGAHERTZ} MHz; "
            f"{compiled.target.cycle_model}",
        ),
    ):
        print(f"{name:18} {value}")
    if exact != total:
        raise SystemExit("the core and the host disagree")


if __name__ == "__main__":
    main()
