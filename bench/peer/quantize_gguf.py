#!/usr/bin/env python3
"""Writes a GGUF of a Hugging Face Llama folder with the peer's own block formats, to compare quality on the same token ids.

    /usr/bin/python3 bench/peer/quantize_gguf.py MODEL_FOLDER f32|q8_0|q4_0 out.gguf

Q4_0 and Q8_0 round as ggml's reference quantizers do. A matrix whose rows are no multiple of the block (32) stays F32, and the program
says so; the K formats need rows of 256 and fit neither bundled nor test models. Needs numpy (Debian: python3-numpy).
"""
import json
import pathlib
import struct
import sys

import numpy as np

from gguf_writer import F32, Q4_0, Q8_0, llama_keys, write

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def load(folder):
    """All tensors of model.safetensors as float32 arrays."""
    raw = (folder / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, info in json.loads(raw[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        if info["dtype"] == "BF16":
            values = (np.frombuffer(raw[begin:end], "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw[begin:end], {"F32": "<f4", "F16": "<f2"}[info["dtype"]]).astype(np.float32)
        tensors[name] = values.reshape(info["shape"])
    return tensors


def interleave(rows, heads):
    """Rows of each head from half-rotation order to the pairwise order of GGUF."""
    outputs, inputs = rows.shape
    return rows.reshape(heads, 2, outputs // heads // 2, inputs).swapaxes(1, 2).reshape(outputs, inputs)


def q8_0(x):
    d = np.abs(x).max(axis=1, keepdims=True) / 127
    q = np.rint(x * np.where(d > 0, 1 / np.where(d > 0, d, 1), 0)).astype(np.int8)
    return np.concatenate([d.astype("<f2").view(np.uint8).reshape(-1, 2), q.view(np.uint8)], axis=1)


def q4_0(x):
    extreme = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], 1)
    d = extreme / -8
    q = np.minimum(15, (x * np.where(d != 0, 1 / np.where(d != 0, d, 1), 0) + 8.5).astype(np.int64)).astype(np.uint8)
    return np.concatenate([d.astype("<f2").view(np.uint8).reshape(-1, 2), q[:, :16] | q[:, 16:] << 4], axis=1)


def main():
    folder, wanted, path = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = json.loads((folder / "config.json").read_text())
    kind, quantize = {"f32": (F32, None), "q8_0": (Q8_0, q8_0), "q4_0": (Q4_0, q4_0)}[wanted]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    tensors = []

    def add(name, values):
        block = quantize and values.ndim == 2
        if block and values.shape[1] % 32:
            print(f"{name}: rows of {values.shape[1]} are no multiple of 32; stays F32")
            block = False
        data = (quantize(values.reshape(-1, 32)) if block else values.astype("<f4")).tobytes()
        tensors.append((name, values.shape[::-1], kind if block else F32, len(data), lambda: [data]))

    for name, values in load(folder).items():
        parts = name.split(".")
        if name == "model.embed_tokens.weight":
            add("token_embd.weight", values)
        elif name == "model.norm.weight":
            add("output_norm.weight", values)
        elif name == "lm_head.weight":
            add("output.weight", values)
        else:
            short = NAMES[".".join(parts[3:-1])]
            values = interleave(values, heads if short == "attn_q" else kv_heads) if short in ("attn_q", "attn_k") else values
            add(f"blk.{parts[2]}.{short}.weight", values)
    keys = llama_keys(folder.name, 0, config["hidden_size"], config["num_hidden_layers"], heads, kv_heads,
                      config["intermediate_size"], config["vocab_size"], config.get("rope_theta", 10000.0),
                      config["max_position_embeddings"])
    print(f"{path}: {write(path, keys, tensors)} bytes of tensors")


main()
