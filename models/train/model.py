"""A Llama-family decoder in plain PyTorch, with the Hugging Face tensor names.

Shapes use B = batch, T = new tokens, S = tokens seen so far (S >= T),
C = hidden size, H = query heads, G = key/value heads, D = head size.
"""
import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import safetensors_io

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 1024,
    "max_position_embeddings": 512,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "initializer_range": 0.05,
    "use_cache": True,
    "torch_dtype": "bfloat16",
}


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last axis; (..., C) -> (..., C)."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps)
        return x * scale * self.weight


def rope_tables(head_dim, length, theta):
    """cos and sin tables, each (length, head_dim), half-rotation layout."""
    freq = theta ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angle = torch.outer(torch.arange(length).float(), freq)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Rotary embedding; x (B, T, heads, D), cos and sin (T, 1, D)."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos + turned * sin


class Attention(nn.Module):
    """Grouped-query causal attention, (B, T, C) -> (B, T, C)."""

    def __init__(self, cfg):
        super().__init__()
        c, self.d = cfg["hidden_size"], cfg["head_dim"]
        self.h, self.g = cfg["num_attention_heads"], cfg["num_key_value_heads"]
        self.q_proj = nn.Linear(c, self.h * self.d, bias=False)
        self.k_proj = nn.Linear(c, self.g * self.d, bias=False)
        self.v_proj = nn.Linear(c, self.g * self.d, bias=False)
        self.o_proj = nn.Linear(self.h * self.d, c, bias=False)

    def forward(self, x, cos, sin, mask, past):
        """mask (B or 1, 1, 1, T, S) is added to the scores; past grows in place."""
        b, t, _ = x.shape
        q = rotate(self.q_proj(x).view(b, t, self.h, self.d), cos, sin)
        k = rotate(self.k_proj(x).view(b, t, self.g, self.d), cos, sin)
        v = self.v_proj(x).view(b, t, self.g, self.d)
        if past is not None:
            k, v = past.extend(self, k, v)
        s, r = k.shape[1], self.h // self.g
        q = q.view(b, t, self.g, r, self.d).permute(0, 2, 3, 1, 4)
        q = q.reshape(b, self.g, r * t, self.d) / math.sqrt(self.d)
        score = q @ k.permute(0, 2, 3, 1)
        prob = (score.view(b, self.g, r, t, s) + mask).softmax(-1)
        out = prob.view(b, self.g, r * t, s) @ v.permute(0, 2, 1, 3)
        out = out.view(b, self.g, r, t, self.d).permute(0, 3, 1, 2, 4)
        return self.o_proj(out.reshape(b, t, self.h * self.d))


class MLP(nn.Module):
    """SwiGLU, (B, T, C) -> (B, T, C)."""

    def __init__(self, cfg):
        super().__init__()
        c, m = cfg["hidden_size"], cfg["intermediate_size"]
        self.gate_proj = nn.Linear(c, m, bias=False)
        self.up_proj = nn.Linear(c, m, bias=False)
        self.down_proj = nn.Linear(m, c, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One decoder layer with pre-normalisation, (B, T, C) -> (B, T, C)."""

    def __init__(self, cfg):
        super().__init__()
        c, eps = cfg["hidden_size"], cfg["rms_norm_eps"]
        self.input_layernorm = RMSNorm(c, eps)
        self.self_attn = Attention(cfg)
        self.post_attention_layernorm = RMSNorm(c, eps)
        self.mlp = MLP(cfg)

    def forward(self, x, cos, sin, mask, past):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask, past)
        return x + self.mlp(self.post_attention_layernorm(x))


class Past:
    """Keys and values of the tokens already seen, each (B, S, G, D) a layer."""

    def __init__(self):
        self.store = {}

    def length(self):
        """Number of tokens S held for every layer."""
        return next(iter(self.store.values()))[0].shape[1] if self.store else 0

    def extend(self, layer, k, v):
        """Append k and v (B, T, G, D); return all of them (B, S, G, D)."""
        if layer in self.store:
            old_k, old_v = self.store[layer]
            k, v = torch.cat([old_k, k], 1), torch.cat([old_v, v], 1)
        self.store[layer] = (k, v)
        return k, v


class Body(nn.Module):
    """Embedding, layers and final norm (the part Hugging Face calls `model`)."""

    def __init__(self, cfg):
        super().__init__()
        self.embed_tokens = nn.Embedding(cfg["vocab_size"], cfg["hidden_size"])
        self.layers = nn.ModuleList(Layer(cfg) for _ in range(cfg["num_hidden_layers"]))
        self.norm = RMSNorm(cfg["hidden_size"], cfg["rms_norm_eps"])


class Llama(nn.Module):
    """Token ids (B, T) -> logits (B, T, vocab); the output uses the embedding."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.model = Body(cfg)
        tables = rope_tables(cfg["head_dim"], cfg["max_position_embeddings"],
                             cfg["rope_theta"])
        self.cos, self.sin = tables
        self.apply(self.init_weights)
        shrink = 1 / math.sqrt(2 * cfg["num_hidden_layers"])
        for layer in self.model.layers:
            layer.self_attn.o_proj.weight.data.mul_(shrink)
            layer.mlp.down_proj.weight.data.mul_(shrink)

    def init_weights(self, module):
        """Gaussian start for matrices; norms start at one."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=self.cfg["initializer_range"])

    def hidden(self, ids, mask=None, past=None):
        """ids (B, T) -> normalised hidden states (B, T, C).

        mask (B, T, S) is true where a token may look; causal when absent.
        """
        t, start = ids.shape[1], past.length() if past is not None else 0
        if mask is None:
            mask = torch.ones(1, t, start + t, dtype=torch.bool).tril(start)
        bias = torch.zeros(mask.shape).masked_fill_(~mask, -1e9)[:, None, None]
        cos, sin = (x[start:start + t, None] for x in (self.cos, self.sin))
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, cos, sin, bias, past)
        return self.model.norm(x)

    def logits(self, hidden):
        """Hidden states (..., C) -> logits (..., vocab)."""
        return F.linear(hidden, self.model.embed_tokens.weight)

    def forward(self, ids, past=None):
        return self.logits(self.hidden(ids, past=past))


def save(model, folder):
    """Write config.json and model.safetensors (BF16, rounded to nearest even)."""
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(model.cfg, bos_token_id=1019, eos_token_id=1020), f, indent=2)
        f.write("\n")
    tensors = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    safetensors_io.save(os.path.join(folder, "model.safetensors"), tensors, "BF16")


def load(folder):
    """Read a model folder back; weights become float32 copies of the stored ones."""
    with open(os.path.join(folder, "config.json")) as f:
        model = Llama(json.load(f))
    arrays = safetensors_io.load(os.path.join(folder, "model.safetensors"))
    model.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    return model.eval()
