"""Everything that a user can get wrong: exit code 2 and one line that says what."""
import json
import math
import os
import resource
import unittest

import harness
from harness import BurinTest


class Checkpoints(BurinTest):
    def engrave(self, folder, *says):
        output = self.folder / "out.burin"
        self.refuse("engrave", folder, "-o", output, says=says)
        self.assertEqual([p.name for p in self.folder.glob("out.burin*")], [])

    def test_truncated_file(self):
        folder = self.checkpoint()
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
        self.engrave(folder, "model.safetensors")

    def test_file_with_bytes_behind_its_end(self):
        folder = self.checkpoint()
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes() + b"\0" * 100)
        self.engrave(folder, "model.safetensors")

    def test_tensor_of_another_shape(self):
        def change(tensors):
            shape, floats = tensors["model.layers.1.mlp.down_proj.weight"]
            tensors["model.layers.1.mlp.down_proj.weight"] = (shape[::-1], floats)
        self.engrave(self.checkpoint(change=change), "model.layers.1.mlp.down_proj.weight", "[96, 64]", "[64, 96]")

    def test_missing_and_surplus_tensors(self):
        self.engrave(self.checkpoint(change=lambda t: t.pop("model.norm.weight")), "model.norm.weight")
        self.engrave(self.checkpoint(change=lambda t: t.update(surplus=([1], [0.0]))), "surplus")

    def test_not_a_number(self):
        for bad in (math.nan, math.inf):
            def change(tensors, bad=bad):
                tensors["model.layers.0.self_attn.v_proj.weight"][1][70] = bad
            self.engrave(self.checkpoint(change=change), "model.layers.0.self_attn.v_proj.weight")

    def test_unknown_architecture(self):
        self.engrave(self.checkpoint(config={"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"]}),
                     "gpt_neox")

    def test_missing_tokenizer(self):
        folder = self.checkpoint()
        (folder / "tokenizer.json").unlink()
        self.engrave(folder, "tokenizer")

    def test_more_tokens_than_rows_of_the_embedding(self):
        self.engrave(self.checkpoint(config={"vocab_size": 200, "bos_token_id": 1, "eos_token_id": 2}), "261", "200")

    def test_damaged_json(self):
        folder = self.checkpoint()
        (folder / "config.json").write_text('{"model_type": ')
        self.engrave(folder, "config.json")
        folder = self.checkpoint()
        (folder / "tokenizer.json").write_text("[]")
        self.engrave(folder, "tokenizer.json")

    def test_no_such_folder_and_foreign_file(self):
        self.engrave(self.folder / "nothing", "nothing")
        (self.folder / "foreign.gguf").write_bytes(b"no gguf at all" * 10)
        self.engrave(self.folder / "foreign.gguf", "foreign.gguf")

    def test_padded_embedding_is_taken_and_stated(self):
        text = self.burin("engrave", self.checkpoint(), "-o", "m.burin")
        self.assertIn("3 rows of the embedding have no token", text)


class Outputs(BurinTest):
    def test_existing_output_needs_force(self):
        folder, path = self.checkpoint(), self.folder / "m.burin"
        path.write_text("mine")
        self.refuse("engrave", folder, "-o", path, says=["exists", "--force"])
        self.assertEqual(path.read_text(), "mine")
        self.burin("engrave", folder, "-o", path, "--force")

    def test_places_that_cannot_be_written(self):
        folder = self.checkpoint()
        self.refuse("engrave", folder, "-o", self.folder / "no" / "m.burin", says=["no folder"])
        self.refuse("engrave", folder, "-o", self.folder, "--force", says=["folder"])
        self.refuse("engrave", folder, "-o", "/proc/m.burin", says=["/proc/m.burin"])
        self.refuse("presets", "--json", self.folder / "no" / "x.json", says=["no folder"])

    def test_full_disk_leaves_nothing(self):
        folder = self.checkpoint()

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.refuse("engrave", folder, "-o", "m.burin", preexec_fn=limit)
        self.assertFalse((self.folder / "m.burin").exists())

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_standard_output(self):
        done = os.system(f"{harness.BURIN} presets > /dev/full 2> {self.folder}/error")
        self.assertEqual(os.waitstatus_to_exitcode(done), 2)
        self.assertIn("standard output", (self.folder / "error").read_text())


class Cartridges(BurinTest):
    def test_every_flipped_bit_is_found(self):
        path = self.cartridge("--no-calibration")
        good = path.read_bytes()
        for place in [0, 9, 30, 70, 140, 200, len(good) // 3, len(good) // 2, len(good) - 1]:
            bad = bytearray(good)
            bad[place] ^= 4
            path.write_bytes(bad)
            self.refuse("inspect", "--verify", path, says=["model.burin"])
        path.write_bytes(good)
        self.burin("inspect", "--verify", path)

    def test_truncated_and_foreign_files(self):
        path = self.cartridge("--no-calibration")
        good = path.read_bytes()
        for bad in (b"", good[:100], good[:-1], good + b"\0", b"PK\3\4" + good[4:]):
            path.write_bytes(bad)
            for command in (["inspect"], ["run", "-p", "x"], ["bench"], ["eval", "--text", "x"], ["chat"]):
                self.refuse(command[0], path, *command[1:], says=["model.burin"])

    def test_a_checkpoint_is_no_cartridge(self):
        self.refuse("run", self.checkpoint(), "-p", "x", says=["checkpoint", "burin engrave"])
        self.refuse("inspect", self.folder / "none.burin", says=["none.burin"])


class Usage(BurinTest):
    def test_wrong_arguments(self):
        self.refuse(says=["burin"])
        self.refuse("sing", says=["sing"])
        self.refuse("run", says=["MODEL"])
        self.refuse("run", "m.burin", "--volume", "11", says=["--volume"])
        self.refuse("engrave", "-o", "m.burin", says=["MODEL"])
        self.refuse("engrave", "x", "-o", "m.burin", "--bits", "5", says=["5"])
        self.refuse("engrave", "x", "-o", "m.burin", "--group", "48", says=["48"])
        self.refuse("engrave", "x", "--synthetic", "y", "-o", "m.burin", says=["--synthetic"])
        self.refuse("eval", "m.burin", says=["--text"])

    def test_unknown_preset_names_near_ones(self):
        self.refuse("engrave", "--synthetic", "llama-3.1-8", "-o", "m.burin", says=["llama-3.1-8b"])

    def test_tensor_bits(self):
        folder = self.checkpoint()
        for bits in ("*.nothing=6", "lm_head=5", "lm_head"):
            self.refuse("engrave", folder, "-o", "m.burin", "--tensor-bits", bits, says=[bits.split("=", maxsplit=1)[0]])

    def test_run_options(self):
        path = self.cartridge("--no-calibration")
        self.refuse("run", path, says=["no prompt"])
        self.refuse("run", path, "-p", "x", "--kernels", "none", says=["none", "scalar"])
        self.refuse("run", path, "-p", "x", environment={"BURIN_KERNELS": "none"}, says=["none", "scalar"])
        self.refuse("run", path, "-p", "x", "--adapter", "folder", says=["folder", "does not exist"])
        self.refuse("run", path, "-p", "x" * 300, says=["301", "128"])
        self.refuse("run", path, "--prompt-ids", "1,999", "--ids", says=["999"])
        self.refuse("run", path, "-p", "x", "--temperature", "-1", says=["temperature"])
        self.refuse("run", path, "-p", "x", "--greedy", "--temperature", "1", says=["greedy"])
        self.refuse("run", path, "-f", "missing.txt", says=["missing.txt"])
        self.refuse("eval", path, "--text", "missing.txt", says=["missing.txt"])

    def test_exact_match_file(self):
        path = self.cartridge("--no-calibration")
        lines = self.folder / "lines.jsonl"
        lines.write_text(json.dumps({"prompt": "a", "expected": "b"}) + "\n{\n")
        self.refuse("eval", path, "--exact-match", lines, says=["lines.jsonl:2"])


if __name__ == "__main__":
    unittest.main()
