"""What the end-to-end tests share: the program, a tiny checkpoint made from a seed, and the bundled data.

Environment: BURIN names the program, BURIN_SOURCE the source folder.
"""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

BURIN = os.environ.get("BURIN", "burin")
SOURCE = pathlib.Path(os.environ.get("BURIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
SHARED = SOURCE.parent / "shared" / "data"
HEARTH = SOURCE / "models" / "hearth"

SPECIALS = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + "
                 "message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}"
                 "{{ '<|assistant|>' }}{% endif %}")
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 264,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
    "tie_word_embeddings": False, "bos_token_id": 256, "eos_token_id": 257, "torch_dtype": "float32",
}


def byte_alphabet():
    """The characters by which GPT-2 vocabularies write the 256 bytes, in order of the bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = (chr(256 + i) for i in range(256))
    return [chr(b) if b in plain else next(extra) for b in range(256)]


def write_tokenizer(folder):
    vocabulary = {c: i for i, c in enumerate(byte_alphabet())}
    added = [{"id": 256 + i, "content": s, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False} for i, s in enumerate(SPECIALS)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    bos = {"SpecialToken": {"id": SPECIALS[0], "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    post = {"type": "TemplateProcessing", "single": [bos, text], "pair": [bos, text],
            "special_tokens": {SPECIALS[0]: {"id": SPECIALS[0], "ids": [256], "tokens": [SPECIALS[0]]}}}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": post, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
                  "merges": []}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<|begin|>", "eos_token": "<|end|>",
        "chat_template": CHAT_TEMPLATE, "tokenizer_class": "PreTrainedTokenizerFast"}))


def make_tensors(config, seed=1):
    """{name: (shape, floats)}, Gaussian weights and gains near 1; of qwen2 with biases, of qwen3 with head norms."""
    draw = random.Random(seed)
    hidden, ffn, head_dim = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim
    tensors = {}

    def matrix(name, rows, cols, scale=None):
        scale = scale or cols ** -0.5
        tensors[name] = ([rows, cols], [draw.gauss(0, scale) for _ in range(rows * cols)])

    def gain(name, width=hidden):
        tensors[name] = ([width], [1 + draw.gauss(0, 0.1) for _ in range(width)])

    matrix("model.embed_tokens.weight", config["vocab_size"], hidden, 1.0)
    if not config["tie_word_embeddings"]:
        matrix("lm_head.weight", config["vocab_size"], hidden, 0.4)
    gain("model.norm.weight")
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        gain(prefix + "input_layernorm.weight")
        gain(prefix + "post_attention_layernorm.weight")
        for name, rows, cols in [("self_attn.q_proj", q, hidden), ("self_attn.k_proj", kv, hidden),
                                 ("self_attn.v_proj", kv, hidden), ("self_attn.o_proj", hidden, q),
                                 ("mlp.gate_proj", ffn, hidden), ("mlp.up_proj", ffn, hidden),
                                 ("mlp.down_proj", hidden, ffn)]:
            matrix(f"{prefix}{name}.weight", rows, cols)
        if config["model_type"] == "qwen2":
            for name, rows in [("q", q), ("k", kv), ("v", kv)]:
                tensors[f"{prefix}self_attn.{name}_proj.bias"] = ([rows], [draw.gauss(0, 0.5) for _ in range(rows)])
        if config["model_type"] == "qwen3":
            gain(prefix + "self_attn.q_norm.weight", head_dim)
            gain(prefix + "self_attn.k_norm.weight", head_dim)
    return tensors


def write_safetensors(path, tensors):
    header, data, offset = {}, [], 0
    for name, (shape, floats) in tensors.items():
        data.append(struct.pack(f"<{len(floats)}f", *floats))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data[-1])]}
        offset += len(data[-1])
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def write_checkpoint(folder, change=None, config=None, seed=1):
    """A Hugging Face folder; `change` edits the tensors first, `config` overrides fields."""
    folder.mkdir(parents=True, exist_ok=True)
    merged = {**CONFIG, **(config or {})}
    tensors = make_tensors(merged, seed)
    if change:
        change(tensors)
    (folder / "config.json").write_text(json.dumps(merged))
    write_safetensors(folder / "model.safetensors", tensors)
    write_tokenizer(folder)
    return folder


class Done:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")


class BurinTest(unittest.TestCase):
    """A test with an empty folder of its own."""
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burin-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_burin(self, *arguments, stdin=b"", environment=None, **options):
        done = subprocess.run([BURIN, *map(str, arguments)], input=stdin, capture_output=True, timeout=600,
                              cwd=self.folder, env={**os.environ, **(environment or {})}, **options, check=False)
        return Done(done)

    def burin(self, *arguments, **options):
        """Standard output of a run that must succeed."""
        done = self.run_burin(*arguments, **options)
        self.assertEqual(done.code, 0, f"burin {' '.join(map(str, arguments))}\n{done.out}\n{done.err}")
        return done.out

    def json(self, *arguments, **options):
        """What a run that must succeed prints with --json -."""
        return json.loads(self.burin(*arguments, "--json", "-", **options))

    def refuse(self, *arguments, says=(), **options):
        """A run that must fail with exit code 2 and one line that holds all of `says`."""
        done = self.run_burin(*arguments, **options)
        self.assertEqual(done.code, 2, f"burin {' '.join(map(str, arguments))}\n{done.out}\n{done.err}")
        lines = done.err.splitlines()
        self.assertEqual(len(lines), 1, done.err)
        self.assertTrue(lines[0].startswith("burin: error: "), done.err)
        for part in says:
            self.assertIn(part, done.err)
        return done

    def checkpoint(self, **options):
        return write_checkpoint(self.folder / "model", **options)

    def cartridge(self, *options, checkpoint=None):
        """A tiny cartridge made from the checkpoint."""
        path = self.folder / "model.burin"
        self.burin("engrave", checkpoint or self.checkpoint(), "-o", path, "--force", *options)
        return path


def needs_shared(test):
    return unittest.skipUnless(SHARED.is_dir(), "no ../shared")(test)


def needs_hearth(test):
    return unittest.skipUnless((HEARTH / "model.safetensors").is_file(), "no models/hearth")(test)
