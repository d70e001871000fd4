"""LoRA adapters: PEFT folders and GGUF files on the chip."""
import json
import shutil
import struct
import unittest

from harness import BurinTest, HEARTH, needs_hearth, write_safetensors

ADAPTERS = HEARTH / "adapters"
GGUF_NAMES = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
              "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down"}
HEAD_DIM = 32  # of hearth


def read_safetensors(path):
    """{name: (shape, floats)} of a BF16 file."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        assert entry["dtype"] == "BF16"
        tensors[name] = (entry["shape"], [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0]
                                          for i in range(0, len(raw), 2)])
    return tensors


def interleaved(floats, cols):
    """Rows of each head as llama.cpp stores them: row j * half + i becomes row 2 * i + j."""
    rows = [floats[i:i + cols] for i in range(0, len(floats), cols)]
    out = list(rows)
    for row, values in enumerate(rows):
        head, at = divmod(row, HEAD_DIM)
        j, i = divmod(at, HEAD_DIM // 2)
        out[head * HEAD_DIM + 2 * i + j] = values
    return [v for row in out for v in row]


def write_gguf_adapter(path, tensors, alpha, architecture="llama", kind="adapter"):
    """A GGUF v3 file as convert_lora_to_gguf.py writes it: F32 tensors, alignment 32."""
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()
    keys = [text(key) + struct.pack("<I", 8) + text(value)
            for key, value in [("general.architecture", architecture), ("general.type", kind), ("adapter.type", "lora")]]
    keys.append(text("adapter.lora.alpha") + struct.pack("<If", 6, alpha))
    infos, data = [], b""
    for name, (shape, floats) in tensors.items():
        _, _, _, layer, _, module, side, _ = name.split(".")[1:]  # base_model.model.model.layers.0.mlp.up_proj.lora_A.weight
        if side == "lora_B" and module in ("q_proj", "k_proj"):
            floats = interleaved(floats, shape[1])
        gguf_name = f"blk.{layer}.{GGUF_NAMES[module]}.weight.{side.lower()}"
        infos.append(text(gguf_name) + struct.pack("<IQQIQ", 2, shape[1], shape[0], 0, len(data)))
        data += struct.pack(f"<{len(floats)}f", *floats)
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(keys)) + b"".join(keys) + b"".join(infos)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


@needs_hearth
class Adapter(BurinTest):
    @classmethod
    def setUpClass(cls):
        cls.tensors = {name: read_safetensors(ADAPTERS / name / "adapter_model.safetensors")
                       for name in ("orders", "innkeeper")}

    def hearth(self):
        self.burin("engrave", HEARTH, "-o", "m.burin", "--bits", 6, "--no-calibration")
        return "m.burin"

    def every_fifth_line(self, adapter):
        """A file with 40 held-out lines, of all kinds."""
        lines = (ADAPTERS / adapter / "heldout.jsonl").read_text().splitlines()[::5]
        (self.folder / "lines").write_text("\n".join(lines) + "\n")
        return "lines"

    def folder_like(self, name, change=None, tensors=None):
        """A copy of an adapter with fields of its configuration or all its tensors changed."""
        folder = self.folder / name
        folder.mkdir()
        config = json.loads((ADAPTERS / "orders" / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps({**config, **(change or {})}))
        if tensors is None:
            shutil.copy(ADAPTERS / "orders" / "adapter_model.safetensors", folder)
        else:
            write_safetensors(folder / "adapter_model.safetensors", tensors)
        return name

    def test_gguf_and_peft_give_the_same_integers(self):
        model = self.hearth()
        for name in ("orders", "innkeeper"):
            write_gguf_adapter(self.folder / "a.gguf", self.tensors[name], 16)
            peft = self.json("inspect", model, "--adapter", ADAPTERS / name)
            gguf = self.json("inspect", model, "--adapter", "a.gguf")
            self.assertEqual(peft["digest"], gguf["digest"])
            self.assertEqual(peft["memory_bytes"], gguf["memory_bytes"])
        # Without undoing the order of llama.cpp's rows they would differ.
        write_gguf_adapter(self.folder / "b.gguf", {
            name: (shape, interleaved(floats, shape[1]) if "q_proj.lora_B" in name else floats)
            for name, (shape, floats) in self.tensors["innkeeper"].items()}, 16)
        self.assertNotEqual(self.json("inspect", model, "--adapter", "b.gguf")["digest"], gguf["digest"])

    def test_inspect_counts_bytes(self):
        model = self.hearth()
        result = self.json("inspect", model, "--adapter", ADAPTERS / "orders")
        self.assertEqual((result["rank"], result["alpha"], result["scale"], result["matrices"]), (8, 16, 2, 42))
        q = 6 * (8 * 128 + 128 * 8 + 128)  # A, B, an exponent an output; six layers
        self.assertEqual(result["kinds"]["q_proj"]["bytes"], q)
        down = 6 * (8 * 384 + 128 * 8 + 128)
        self.assertEqual(result["kinds"]["down_proj"]["bytes"], down)
        # An engine of 1 x 16 reads words of 16 bytes: one an input, one an output, one for 16 exponents.
        chip = self.json("inspect", model, "--adapter", ADAPTERS / "orders", "--chip", "nano")
        self.assertEqual(chip["engine"], {"positions": 1, "ranks": 16})
        self.assertEqual(chip["kinds"]["q_proj"]["memory_bytes"], 6 * 16 * (128 + 128 + 8))
        self.assertTrue(chip["chip"]["fits"])
        text = self.burin("inspect", model, "--adapter", ADAPTERS / "orders", "--chip", "nano")
        self.assertIn("fits nano", text)
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines() if "adapter " not in line), text)

    def test_a_rank_that_a_chip_cannot_read_does_not_fit(self):
        model = self.hearth()
        a, b = ([17, 128], [0.01] * 17 * 128), ([128, 17], [0.01] * 128 * 17)
        stem = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
        name = self.folder_like("wide", {"r": 17}, {stem + "A.weight": a, stem + "B.weight": b})
        text = self.burin("inspect", model, "--adapter", name, "--chip", "nano")
        self.assertIn("does not fit nano: rank 17, at most 16", text)

    def test_answers_are_those_of_the_adapter(self):
        model = self.hearth()
        for name, rank in (("orders", 8), ("innkeeper", 8), ("spoken", 4)):
            lines = self.every_fifth_line(name)
            adapted = self.json("eval", model, "--exact-match", lines, "--adapter", ADAPTERS / name)
            plain = self.json("eval", model, "--exact-match", lines)
            self.assertGreaterEqual(adapted["chip"]["right"], 38, name)
            self.assertEqual(plain["chip"]["right"], 0, name)
            self.assertEqual(adapted["adapter"]["rank"], rank)

    def test_same_ids_for_any_way_to_run(self):
        model = self.hearth()
        arguments = ["run", model, "--adapter", ADAPTERS / "orders", "--chat", "-p",
                     "Acme shares fall 12% after a recall", "-n", 40, "--temperature", 1, "--seed", 3]
        expected = self.json(*arguments)["ids"]
        self.assertEqual(self.json(*arguments, "--threads", 1, "--kernels", "scalar")["ids"], expected)
        self.assertEqual(self.json(*arguments, "--prefill-chunk", 3)["ids"], expected)
        without = [a for a in arguments if a not in ("--adapter", ADAPTERS / "orders")]
        self.assertNotEqual(self.json(*without)["ids"], expected)

    def test_reference_and_chat_take_an_adapter(self):
        text = self.burin("run", HEARTH, "--reference", "--adapter", ADAPTERS / "orders", "--chat", "-p",
                          "Acme shares fall 12% after a recall", "--greedy")
        self.assertEqual(text.strip(), '{"order":"sell","ticker":"ACME","size":12}')
        chat = self.burin("chat", self.hearth(), "--adapter", ADAPTERS / "orders", "--greedy",
                          stdin=b"Acme shares fall 12% after a recall\n")
        self.assertIn('{"order":"sell","ticker":"ACME","size":12}', chat)

    def test_text_evaluation_with_an_adapter(self):
        model = self.hearth()
        text = "".join("<|begin|>" + case["prompt"] + case["expected"] + "<|end|>" for case in map(
            json.loads, (ADAPTERS / "orders" / "heldout.jsonl").read_text().splitlines()[:12]))
        (self.folder / "text").write_text(text)
        arguments = ["eval", model, "--text", "text", "--reference", HEARTH, "--arithmetic", "--window", 128]
        adapted = {row["name"]: row for row in self.json(*arguments, "--adapter", ADAPTERS / "orders")["results"]}
        plain = {row["name"]: row for row in self.json(*arguments)["results"]}
        for name in ("float reference", "chip", "arithmetic alone"):
            self.assertLess(adapted[name]["perplexity"], plain[name]["perplexity"] / 3, name)
        # Adapter and weights exact on one side, the integer adapter on the other.
        self.assertLess(adapted["arithmetic alone"]["kl"]["mean"], 0.01)

    def test_bad_adapters_are_refused(self):
        model = self.hearth()

        def refuse(path, *says):
            self.refuse("run", model, "-p", "x", "--adapter", path, says=says)

        refuse("nowhere", "nowhere", "does not exist")
        (self.folder / "empty").mkdir()
        refuse("empty", "adapter_config.json")
        refuse(self.folder_like("dora", {"use_dora": True}), "use_dora")
        refuse(self.folder_like("modules", {"modules_to_save": ["lm_head"]}), "modules_to_save")
        refuse(self.folder_like("kind", {"peft_type": "IA3"}), "IA3", "LORA")
        refuse(self.folder_like("rank", {"r": 4}), "[8, 384]", "[4, 384]")
        refuse(self.folder_like("nothing", tensors={}), "no tensors")
        name = next(iter(self.tensors["orders"]))
        shape, floats = self.tensors["orders"][name]
        refuse(self.folder_like("half", tensors={name: (shape, floats)}), "only lora_")
        refuse(self.folder_like("nan", tensors={
            n: (s, [float("nan")] + f[1:]) for n, (s, f) in self.tensors["orders"].items()}), "not finite")
        write_gguf_adapter(self.folder / "model.gguf", self.tensors["orders"], 16, kind="model")
        refuse("model.gguf", "general.type")
        write_gguf_adapter(self.folder / "qwen.gguf", self.tensors["orders"], 16, architecture="qwen2")
        refuse("qwen.gguf", "qwen2")
        write_gguf_adapter(self.folder / "cut.gguf", self.tensors["orders"], 16)
        (self.folder / "cut.gguf").write_bytes((self.folder / "cut.gguf").read_bytes()[:5000])
        refuse("cut.gguf", "cut.gguf")
        self.refuse("inspect", model, "--chip", "nano", says=["--adapter"])
        self.refuse("inspect", model, "--adapter", ADAPTERS / "orders", "--chip", "none", says=["none"])

    def test_an_adapter_of_another_model_is_refused(self):
        path = self.cartridge("--no-calibration")  # 2 layers of 64, where hearth has 6 of 128
        self.refuse("run", path, "-p", "x", "--adapter", ADAPTERS / "orders", says=["adapter_model.safetensors"])


if __name__ == "__main__":
    unittest.main()
