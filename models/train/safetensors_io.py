"""Read and write the safetensors container with numpy only.

Layout: u64 little-endian header length, JSON header, then the tensors back to
back. The header is padded with spaces to a multiple of eight bytes.
"""
import json

import numpy as np

SIZES = {"BF16": 2, "F32": 4}


def to_bf16(x):
    """float32 array -> uint16 array of the same shape, round to nearest even."""
    bits = np.ascontiguousarray(x, dtype="<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def from_bf16(bits):
    """uint16 array -> the float32 array it stands for, same shape."""
    return (bits.astype("<u4") << 16).view("<f4")


def encode(x, dtype):
    """float32 array -> bytes of the stored type."""
    stored = to_bf16(x) if dtype == "BF16" else np.ascontiguousarray(x, dtype="<f4")
    return stored.tobytes()


def save(path, tensors, dtype):
    """tensors: name -> float32 array of any shape; dtype: "BF16" or "F32"."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        blob = encode(tensors[name], dtype)
        header[name] = {"dtype": dtype, "shape": list(tensors[name].shape),
                        "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + b"".join(blobs))


def load(path):
    """Return name -> float32 array."""
    with open(path, "rb") as f:
        data = f.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    out = {}
    for name, info in header.items():
        lo, hi = info["data_offsets"]
        kind = "<u2" if info["dtype"] == "BF16" else "<f4"
        raw = np.frombuffer(data[start + lo:start + hi], dtype=kind)
        raw = from_bf16(raw) if info["dtype"] == "BF16" else raw.copy()
        out[name] = raw.reshape(info["shape"])
    return out
