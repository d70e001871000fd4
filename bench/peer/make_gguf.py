#!/usr/bin/env python3
"""Writes a GGUF file of a known geometry with random Q3_K_S weights, to time llama.cpp where no real weights are at hand.

    /usr/bin/python3 bench/peer/make_gguf.py llama-3.1-8b out.gguf

The types are those of llama.cpp's Q3_K_S: every matrix Q3_K, the head Q6_K, norms F32. Weights have mean 0 and standard
deviation near 1/64, so that activations stay sane. Needs numpy (Debian: python3-numpy).
"""
import sys

import numpy as np

from gguf_writer import F32, Q3_K, Q6_K, llama_keys, write

GEOMETRIES = {  # hidden, layers, heads, kv heads, ffn, vocabulary
    "llama-3.1-8b": (4096, 32, 32, 8, 14336, 128256),
    "llama-3.2-1b": (2048, 16, 32, 8, 8192, 128256),
    "tiny": (256, 2, 4, 2, 512, 512),
}
BLOCK_BYTES = {Q3_K: 110, Q6_K: 210}  # of 256 weights


def matrices(geometry):
    """(name, dims with the row length first, type) in file order."""
    hidden, layers, heads, kv_heads, ffn, vocab = geometry
    kv = hidden // heads * kv_heads
    yield "token_embd.weight", (hidden, vocab), Q3_K
    for i in range(layers):
        yield f"blk.{i}.attn_norm.weight", (hidden,), F32
        yield f"blk.{i}.attn_q.weight", (hidden, hidden), Q3_K
        yield f"blk.{i}.attn_k.weight", (hidden, kv), Q3_K
        yield f"blk.{i}.attn_v.weight", (hidden, kv), Q3_K
        yield f"blk.{i}.attn_output.weight", (hidden, hidden), Q3_K
        yield f"blk.{i}.ffn_norm.weight", (hidden,), F32
        yield f"blk.{i}.ffn_gate.weight", (hidden, ffn), Q3_K
        yield f"blk.{i}.ffn_up.weight", (hidden, ffn), Q3_K
        yield f"blk.{i}.ffn_down.weight", (ffn, hidden), Q3_K
    yield "output_norm.weight", (hidden,), F32
    yield "output.weight", (hidden, vocab), Q6_K


def random_blocks(rng, blocks, kind):
    """Q3_K is hmask[32] qs[64] scales[12] d; Q6_K is ql[128] qh[64] scales[16] d."""
    for begin in range(0, blocks, 1 << 16):
        rows = rng.integers(0, 256, (min(1 << 16, blocks - begin), BLOCK_BYTES[kind]), dtype=np.uint8)
        if kind == Q6_K:
            rows[:, 192:208] = 16
        rows[:, -2:] = np.frombuffer(np.float16(3.7e-4 if kind == Q3_K else 5e-5).tobytes(), np.uint8)
        yield rows.tobytes()


def main():
    name, path = sys.argv[1], sys.argv[2]
    geometry = GEOMETRIES[name]
    rng = np.random.Generator(np.random.SFC64(1))
    tensors = []
    for tensor, dims, kind in matrices(geometry):
        if kind == F32:
            ones = np.ones(dims[0], "<f4").tobytes()
            tensors.append((tensor, dims, kind, len(ones), lambda ones=ones: [ones]))
        else:
            blocks = dims[0] * dims[1] // 256
            tensors.append((tensor, dims, kind, blocks * BLOCK_BYTES[kind],
                            lambda blocks=blocks, kind=kind: random_blocks(rng, blocks, kind)))
    size = write(path, llama_keys(name, 11, *geometry, theta=500000.0, context=8192), tensors)
    print(f"{path}: {size / 1e9:.2f} GB of tensors")


main()
