#!/usr/bin/env python3
"""Writes a GGUF file of a known geometry with random Q3_K_S weights, to time llama.cpp where no real weights are at hand.

    /usr/bin/python3 bench/peer/make_gguf.py llama-3.1-8b out.gguf

The types are those of llama.cpp's Q3_K_S: every matrix Q3_K, the head Q6_K, norms F32. Weights have mean 0 and standard
deviation near 1/64, so that activations stay sane. The vocabulary is a placeholder: only token ids are used.
Needs numpy (Debian: python3-numpy).
"""
import struct
import sys

import numpy as np

GEOMETRIES = {  # hidden, layers, heads, kv heads, ffn, vocabulary
    "llama-3.1-8b": (4096, 32, 32, 8, 14336, 128256),
    "llama-3.2-1b": (2048, 16, 32, 8, 8192, 128256),
    "tiny": (256, 2, 4, 2, 512, 512),
}
F32, Q3_K, Q6_K = 0, 11, 14
ALIGNMENT = 32


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def key_u32(key, value):
    return text(key) + struct.pack("<II", 4, value)


def key_f32(key, value):
    return text(key) + struct.pack("<If", 6, value)


def key_text(key, value):
    return text(key) + struct.pack("<I", 8) + text(value)


def key_texts(key, values):
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))


def key_ints(key, values):
    return text(key) + struct.pack("<IIQ", 9, 5, len(values)) + np.asarray(values, "<i4").tobytes()


def metadata(name, geometry):
    hidden, layers, heads, kv_heads, ffn, vocab = geometry
    tokens = ["<s>", "</s>"] + [chr(256 + i) if i < 256 else f"t{i}" for i in range(vocab - 2)]
    return [
        key_text("general.architecture", "llama"),
        key_text("general.name", name),
        key_u32("general.file_type", 11),
        key_u32("llama.context_length", 8192),
        key_u32("llama.embedding_length", hidden),
        key_u32("llama.block_count", layers),
        key_u32("llama.feed_forward_length", ffn),
        key_u32("llama.attention.head_count", heads),
        key_u32("llama.attention.head_count_kv", kv_heads),
        key_u32("llama.rope.dimension_count", hidden // heads),
        key_f32("llama.rope.freq_base", 500000.0),
        key_f32("llama.attention.layer_norm_rms_epsilon", 1e-5),
        key_text("tokenizer.ggml.model", "gpt2"),
        key_text("tokenizer.ggml.pre", "llama-bpe"),
        key_texts("tokenizer.ggml.tokens", tokens),
        key_ints("tokenizer.ggml.token_type", [3, 3] + [1] * (vocab - 2)),
        key_texts("tokenizer.ggml.merges", [f"{tokens[2]} {tokens[3]}"]),
        key_u32("tokenizer.ggml.bos_token_id", 0),
        key_u32("tokenizer.ggml.eos_token_id", 1),
    ]


def tensors(geometry):
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


def tensor_bytes(dims, kind):
    count = int(np.prod([int(d) for d in dims], dtype=np.int64))
    return {F32: count * 4, Q3_K: count // 256 * 110, Q6_K: count // 256 * 210}[kind]


def block_rows(rng, blocks, kind):
    """Random blocks: Q3_K is hmask[32] qs[64] scales[12] d; Q6_K is ql[128] qh[64] scales[16] d."""
    size, step = (110, 3.7e-4) if kind == Q3_K else (210, 5e-5)
    rows = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    if kind == Q6_K:
        rows[:, 192:208] = 16
    rows[:, -2:] = np.frombuffer(np.float16(step).tobytes(), np.uint8)
    return rows.tobytes()


def main():
    name, path = sys.argv[1], sys.argv[2]
    geometry = GEOMETRIES[name]
    rng = np.random.Generator(np.random.SFC64(1))
    entries, offset = [], 0
    listed = list(tensors(geometry))
    for tensor, dims, kind in listed:
        entries.append(text(tensor) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset))
        offset += -(-tensor_bytes(dims, kind) // ALIGNMENT) * ALIGNMENT
    keys = metadata(name, geometry)
    with open(path, "wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(entries), len(keys)) + b"".join(keys + entries))
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        for tensor, dims, kind in listed:
            size = tensor_bytes(dims, kind)
            if kind == F32:
                out.write(np.ones(size // 4, "<f4").tobytes())
            else:
                blocks, unit = size // (110 if kind == Q3_K else 210), 1 << 16
                for begin in range(0, blocks, unit):
                    out.write(block_rows(rng, min(unit, blocks - begin), kind))
            out.write(b"\0" * (-out.tell() % ALIGNMENT))
    print(f"{path}: {offset / 1e9:.2f} GB of tensors")


main()
