#!/usr/bin/env python3
"""What each choice of the adapter arithmetic (docs/numerics.md, section 11) costs, in error of B(A x).

usage: adapter_formats.py MODEL_FOLDER|- ADAPTER_FOLDER... [--tokens N]

For every matrix of the PEFT adapters: x of N random tokens (Gaussian; behind SwiGLU a product of two), quantized as
blocks of int8 with a power of two each; then B(A x) exactly and with mantissas of each kind. The gains of the norms are
folded into A as in a cartridge; '-' takes gains of 1, for an adapter whose model is not at hand. Printed: root mean
square over matrices of |error| / |B(A x)|. Standard library only.
"""
import argparse
import json
import math
import pathlib
import random
import struct

GROUP = 128


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        if entry["dtype"] == "BF16":
            values = [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0] for i in range(0, len(raw), 2)]
        else:
            code = {"F32": "f", "F16": "e"}[entry["dtype"]]
            values = list(struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw))
        cols = entry["shape"][-1]
        tensors[name] = [values[i:i + cols] for i in range(0, len(values), cols)]
    return tensors


def block(values, bits):
    """Mantissas of `bits` bits with one power of two, as values."""
    largest = max(abs(v) for v in values)
    if largest == 0:
        return [0.0] * len(values)
    limit = 2 ** (bits - 1) - 1
    unit = 2.0 ** (math.frexp(largest)[1] - (bits - 1))
    return [min(max(math.floor(v / unit + 0.5), -limit), limit) * unit for v in values]


def whole(values, bits=8):
    """The same with any factor: the largest value becomes the largest mantissa."""
    largest = max(abs(v) for v in values)
    limit = 2 ** (bits - 1) - 1
    return [math.floor(v / largest * limit + 0.5) * largest / limit for v in values] if largest else values


def pieces(values, size, of):
    return [v for i in range(0, len(values), size) for v in of(values[i:i + size])]


def rounded_a(a, kind):
    if kind == "exact":
        return a
    if kind == "row":
        return [whole(row) for row in a]
    if kind == "row 2^n":
        return [block(row, 8) for row in a]
    return [pieces(row, GROUP, lambda v: block(v, 8)) for row in a]


def rounded_b(b, kind):
    if kind == "exact":
        return b
    rank = len(b[0])
    rows = {"output": 1, "16 outputs": 16, "matrix": len(b)}[kind]
    flat = pieces([v for row in b for v in row], rows * rank, lambda v: block(v, 8))
    return [flat[i:i + rank] for i in range(0, len(flat), rank)]


def times(matrix, x):
    return [sum(w * v for w, v in zip(row, x)) for row in matrix]


def error(got, want):
    return math.sqrt(sum((g - w) ** 2 for g, w in zip(got, want)) / sum(w * w for w in want))


# A, B, t, and what enters A ("x": the int8 blocks, "float": what they were made from)
VARIANTS = [("exact", "exact", 0, "float"), ("row", "exact", 0, "x"), ("row 2^n", "exact", 0, "x"),
            ("row, group 2^n", "exact", 0, "x"), ("exact", "output", 0, "x"), ("exact", "16 outputs", 0, "x"),
            ("exact", "matrix", 0, "x"), ("exact", "exact", 8, "x"), ("exact", "exact", 16, "x"),
            ("row", "output", 8, "x"), ("row", "output", 16, "x"), ("row", "matrix", 8, "x")]


def gains_of(model, name):
    if model is None or not any(kind in name for kind in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")):
        return None
    layer = name.split("layers.")[1].split(".")[0]
    norm = "input_layernorm" if "self_attn" in name else "post_attention_layernorm"
    flat = model[f"model.layers.{layer}.{norm}.weight"]
    return flat[0] if len(flat) == 1 else [row[0] for row in flat]


def measure(model, adapter, tokens, sums):
    for name in sorted(adapter):
        if not name.endswith("lora_A.weight"):
            continue
        a, b = adapter[name], adapter[name.replace("lora_A", "lora_B")]
        gains = gains_of(model, name)
        if gains:
            a = [[v * g for v, g in zip(row, gains)] for row in a]
        # The factors of A's rows move to B's columns, so that t has one scale.
        factors = [max(abs(v) for v in row) for row in a]
        scaled_b = [[v * f for v, f in zip(row, factors)] for row in b]
        forms_a = {kind: rounded_a(a, kind) for kind in {v[0] for v in VARIANTS}}
        forms_b = {kind: rounded_b(scaled_b, kind) for kind in {v[1] for v in VARIANTS}}
        for _ in range(tokens):
            draw = (lambda: random.gauss(0, 1) * random.gauss(0, 1)) if "down" in name else (
                lambda: random.gauss(0, 1))
            real = [draw() for _ in a[0]]
            x = pieces(real, GROUP, lambda v: block(v, 8))
            want = times(b, times(a, x))
            for variant in VARIANTS:
                kind_a, kind_b, bits, source = variant
                t = [v / f for v, f in zip(times(forms_a[kind_a], x if source == "x" else real), factors)]
                got = times(forms_b[kind_b], block(t, bits) if bits else t)
                sums.setdefault(variant, []).append(error(got, want) ** 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("adapter", nargs="+")
    parser.add_argument("--tokens", type=int, default=2)
    options = parser.parse_args()
    random.seed(1)
    model = None
    if options.model != "-":
        tensors = read_safetensors(pathlib.Path(options.model) / "model.safetensors")
        model = {name: value for name, value in tensors.items() if "layernorm" in name}
    sums = {}
    for folder in options.adapter:
        measure(model, read_safetensors(pathlib.Path(folder) / "adapter_model.safetensors"), options.tokens, sums)
    print(f"{'A, a factor a':<16}{'B, a power of 2 a':<19}{'t':<7}{'error':>8}")
    for kind_a, kind_b, bits, source in VARIANTS:
        values = sums[kind_a, kind_b, bits, source]
        note = "   x itself: float instead of int8 blocks" if source == "float" else ""
        print(f"{kind_a:<16}{kind_b:<19}{'int' + str(bits) if bits else 'exact':<7}"
              f"{100 * math.sqrt(sum(values) / len(values)):>6.2f} %{note}")


if __name__ == "__main__":
    main()
