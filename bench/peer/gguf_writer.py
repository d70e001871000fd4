"""A small GGUF v3 writer for Llama-family files that a peer is measured with (ggml's docs/gguf.md gives the format)."""
import struct

import numpy as np

F32, Q4_0, Q8_0, Q3_K, Q6_K = 0, 2, 8, 11, 14
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


def llama_keys(name, file_type, hidden, layers, heads, kv_heads, ffn, vocab, theta, context, bos=0, eos=1):
    """Metadata of a llama model with a placeholder vocabulary: only token ids are used."""
    tokens = [f"<{i}>" if i in (bos, eos) else (chr(256 + i) if i < 256 else f"t{i}") for i in range(vocab)]
    types = [3 if i in (bos, eos) else 1 for i in range(vocab)]
    plain = [t for t, kind in zip(tokens, types) if kind == 1]
    return [
        key_text("general.architecture", "llama"),
        key_text("general.name", name),
        key_u32("general.file_type", file_type),
        key_u32("llama.context_length", context),
        key_u32("llama.embedding_length", hidden),
        key_u32("llama.block_count", layers),
        key_u32("llama.feed_forward_length", ffn),
        key_u32("llama.attention.head_count", heads),
        key_u32("llama.attention.head_count_kv", kv_heads),
        key_u32("llama.rope.dimension_count", hidden // heads),
        key_f32("llama.rope.freq_base", theta),
        key_f32("llama.attention.layer_norm_rms_epsilon", 1e-5),
        key_text("tokenizer.ggml.model", "gpt2"),
        key_text("tokenizer.ggml.pre", "llama-bpe"),
        key_texts("tokenizer.ggml.tokens", tokens),
        key_ints("tokenizer.ggml.token_type", types),
        key_texts("tokenizer.ggml.merges", [f"{plain[0]} {plain[1]}"]),
        key_u32("tokenizer.ggml.bos_token_id", bos),
        key_u32("tokenizer.ggml.eos_token_id", eos),
    ]


def write(path, keys, tensors):
    """tensors: list of (name, dims with the row length first, type, size in bytes, function -> iterable of bytes)."""
    entries, offset = [], 0
    for name, dims, kind, size, _ in tensors:
        entries.append(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset))
        offset += -(-size // ALIGNMENT) * ALIGNMENT
    with open(path, "wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(entries), len(keys)) + b"".join(keys + entries))
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        for _, _, _, _, parts in tensors:
            for part in parts():
                out.write(part)
            out.write(b"\0" * (-out.tell() % ALIGNMENT))
    return offset
