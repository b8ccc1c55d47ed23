"""Train, quantise and evaluate the handwritten-digit network of this example.

    python train.py                            train; write digits.tflite and heldout.npz beside this file
    python train.py --evaluate digits.tflite   only measure the int8 network on heldout.npz

Training needs tensorflow, scikit-learn and ai-edge-litert; `--evaluate` needs numpy and ai-edge-litert only.
The held-out quarter of the images takes no part in training, in calibration or in the choice of any setting.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    from ai_edge_litert.interpreter import Interpreter

HERE = Path(__file__).parent
HELDOUT = 450  # of 1797 images, the same share of every digit
SEED, EPOCHS, BATCH, LEARNING_RATE = 7, 80, 64, 4e-3  # the rate decays to zero along a cosine
SHIFT = 1  # pixels of the 8x8 image, each way: the only augmentation


def enlarge(images: np.ndarray) -> np.ndarray:
    """Return (N, 8, 8) pixels 0..16 as (N, 16, 16, 1) floats 0..1, bilinear with edge pixels repeated."""
    centres = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(8)[None, :]))
    return (weights @ (images / 16) @ weights.T)[..., None].astype(np.float32)


def shift(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return (N, 8, 8) images, each moved by up to `SHIFT` pixels each way; zeros move in."""
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    rows, columns = random.integers(0, 2 * SHIFT + 1, (2, len(images)))
    return np.stack([image[r : r + 8, c : c + 8] for image, r, c in zip(padded, rows, columns)])


def load_split() -> list[np.ndarray]:
    """Return training images, held-out images (N, 8, 8, pixels 0..16), training labels, held-out labels."""
    from sklearn import datasets, model_selection

    digits = datasets.load_digits()
    pixels, labels = digits.images, digits.target
    return model_selection.train_test_split(pixels, labels, test_size=HELDOUT, stratify=labels, random_state=SEED)


def build_network(batch: int | None = None) -> keras.Model:
    """Return the float network: (16, 16, 1) pixels to 10 logits, for any batch unless one is given."""
    from keras import Input, KerasTensor, Layer, Model, layers

    conv = partial(layers.Conv2D, padding="same", use_bias=False)
    depthwise = partial(layers.DepthwiseConv2D, 3, padding="same", use_bias=False)

    def block(x: KerasTensor, layer: Layer, activation: str = "relu") -> KerasTensor:
        return layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(layer(x)))

    image = Input((16, 16, 1), batch, name="image")
    x = block(image, conv(8, 3))
    x = skipped = block(block(x, depthwise(strides=2)), conv(16, 1))
    x = block(block(x, conv(48, 1)), depthwise())
    x = layers.Add()([skipped, block(x, conv(16, 1), activation="linear")])
    x = block(block(x, depthwise(strides=2)), conv(32, 1))
    return Model(image, layers.Dense(10)(layers.Flatten()(layers.AveragePooling2D(4)(x))))


def train(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """Return the network trained on (N, 8, 8) images; the same images and versions give the same weights."""
    import tensorflow as tf
    from keras import losses, optimizers, utils

    utils.disable_interactive_logging()  # the export would list every variable
    utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    random = np.random.default_rng(SEED)
    network = build_network()
    rate = optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(images) // BATCH))
    network.compile(optimizers.Adam(rate), losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05))
    for _ in range(EPOCHS):
        network.fit(enlarge(shift(images, random)), np.eye(10)[labels], batch_size=BATCH, verbose=0)
    return network


def quantise(network: keras.Model, images: np.ndarray) -> bytes:
    """Return `network` as an int8 TFLite file of batch 1, its ranges calibrated on (N, 8, 8) images."""
    import tensorflow as tf

    single = build_network(batch=1)
    single.set_weights(network.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in enlarge(images))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def open_model(path: Path) -> Interpreter:
    """Return a LiteRT interpreter of the file with the reference kernels, which define the bits."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    return interpreter


def write_heldout(model: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write heldout.npz: `inputs` int8 (N, 16, 16, 1) as the model takes them, `labels`, `images` uint8 (N, 8, 8)."""
    scale, zero_point = open_model(model).get_input_details()[0]["quantization"]
    inputs = np.clip(np.round(enlarge(images) / scale) + zero_point, -128, 127).astype(np.int8)
    np.savez_compressed(HERE / "heldout.npz", inputs=inputs, labels=np.uint8(labels), images=np.uint8(images))


def evaluate(model: Path) -> str:
    """Return a line with the accuracy of an int8 model on heldout.npz."""
    heldout = np.load(HERE / "heldout.npz")
    interpreter = open_model(model)
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    right, count = 0, len(heldout["labels"])
    for image, label in zip(heldout["inputs"], heldout["labels"]):
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        right += int(interpreter.get_tensor(result).argmax() == label)
    return f"int8 held-out accuracy: {100 * right / count:.2f} % ({right} of {count} images)"


def main() -> None:
    """Train and write the files, or evaluate one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluate", type=Path, metavar="MODEL", help="measure this .tflite file and stop")
    if model := parser.parse_args().evaluate:
        print(evaluate(model))
        return
    images, heldout, labels, heldout_labels = load_split()
    network = train(images, labels)
    right = network.predict(enlarge(heldout), verbose=0).argmax(axis=1) == heldout_labels
    print(f"float held-out accuracy: {100 * right.mean():.2f} % ({right.sum()} of {len(right)} images)")
    model = HERE / "digits.tflite"
    model.write_bytes(quantise(network, images))
    write_heldout(model, heldout, heldout_labels)
    print(evaluate(model), f"{model.name}: {model.stat().st_size} bytes", sep="\n")


if __name__ == "__main__":
    main()
