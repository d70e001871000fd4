#!/usr/bin/env python3
"""Merges a LoRA adapter (PEFT folder) into a checkpoint: W + alpha / r * B A, a fine-tune to engrave.

usage: merge_adapter.py CHECKPOINT ADAPTER -o FOLDER

Both are Hugging Face folders with one safetensors file each (BF16, F16 or F32). What is merged is written as F32, so that
the change has exactly the adapter's rank; all else is copied. Python alone, no library: for models of some millions of
weights. `burin mask diff` says what such a fine-tune moves (docs/masks.md).
"""
import argparse
import json
import math
import pathlib
import shutil
import struct
import sys

SIZES = {"BF16": 2, "F16": 2, "F32": 4}


def read_safetensors(path):
    """{name: (dtype, shape, bytes)}"""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = (entry["dtype"], entry["shape"], data[8 + size + begin:8 + size + end])
    return tensors


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def floats(tensor):
    """Rows of a matrix as floats."""
    dtype, shape, data = tensor
    if dtype not in SIZES:
        raise ValueError(f"{dtype} tensors: BF16, F16 and F32 are merged")
    count = len(data) // SIZES[dtype]
    if dtype == "BF16":
        data = b"".join(b"\0\0" + data[i:i + 2] for i in range(0, len(data), 2))
    values = struct.unpack(f"<{count}{'e' if dtype == 'F16' else 'f'}", data)
    return [values[i:i + shape[1]] for i in range(0, count, shape[1])]


def merged(weight, a, b, scale):
    """weight [out, in] + scale * b [out, r] a [r, in], as F32 bytes."""
    columns = list(zip(*a))
    out = bytearray()
    for row, factors in zip(weight, b):
        factors = [scale * f for f in factors]
        out += struct.pack(f"<{len(row)}f", *(w + sum(map(float.__mul__, factors, c)) for w, c in zip(row, columns)))
    return bytes(out)


def scale_of(config):
    for key in ("rank_pattern", "alpha_pattern"):
        if config.get(key):
            raise ValueError(f"an adapter with {key}")
    if config.get("use_dora"):
        raise ValueError("a DoRA adapter")
    return config["lora_alpha"] / (math.sqrt(config["r"]) if config.get("use_rslora") else config["r"])


def merge(checkpoint, adapter, output):
    scale = scale_of(json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")))
    tensors = read_safetensors(checkpoint / "model.safetensors")
    lora = read_safetensors(adapter / "adapter_model.safetensors")
    count = 0
    for name in lora:
        if not name.endswith(".lora_A.weight"):
            continue
        other = name.replace(".lora_A.", ".lora_B.")
        target = name.removeprefix("base_model.model.").replace(".lora_A.", ".")
        if target not in tensors or other not in lora:
            raise ValueError(f"{name} without {target if other in lora else other}")
        weight = tensors[target]
        tensors[target] = ("F32", weight[1], merged(floats(weight), floats(lora[name]), floats(lora[other]), scale))
        count += 1
    if 2 * count != len(lora) or count == 0:
        raise ValueError(f"{len(lora)} tensors in the adapter, {count} pairs of lora_A and lora_B among them")
    output.mkdir(parents=True)
    for file in checkpoint.iterdir():
        if file.suffix in (".json", ".model", ".jinja"):
            shutil.copy(file, output / file.name)
    write_safetensors(output / "model.safetensors", tensors)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("adapter", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="new folder")
    args = parser.parse_args()
    try:
        count = merge(args.checkpoint, args.adapter, args.output)
    except (OSError, ValueError, KeyError, struct.error) as error:
        sys.exit(f"merge_adapter.py: error: {type(error).__name__}: {error}")
    print(f"{count} matrices merged into {args.output}")


if __name__ == "__main__":
    main()
