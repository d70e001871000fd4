"""Evaluation: numbers that can be checked by other means."""
import json
import unittest

import harness
from harness import BurinTest

TEXT = "It was a dark and stormy night; the rain fell in torrents.\n" * 12


class Text(BurinTest):
    def setUp(self):
        super().setUp()
        self.model = self.checkpoint()
        (self.folder / "text").write_text(TEXT)

    def rows(self, *options):
        result = self.json("eval", "model.burin", "--text", "text", "--window", 64, *options)
        return result, {row["name"]: row for row in result["results"]}

    def test_reference_arithmetic_and_chip_stand_in_order(self):
        self.cartridge("--bits", 3, checkpoint=self.model)
        result, rows = self.rows("--reference", self.model, "--arithmetic")
        self.assertEqual(result["predicted"], len(TEXT))
        self.assertEqual(set(rows), {"float reference", "chip", "arithmetic alone"})
        self.assertLess(rows["arithmetic alone"]["kl"]["mean"], 0.02)
        self.assertLess(5 * rows["arithmetic alone"]["kl"]["mean"], rows["chip"]["kl"]["mean"])
        self.assertGreater(rows["chip"]["kl_p99"], rows["chip"]["kl"]["mean"])
        self.assertNotIn("kl", rows["float reference"])

    def test_bits_help(self):
        divergence = []
        for bits in (3, 4, 6):
            self.cartridge("--bits", bits, checkpoint=self.model)
            divergence.append(self.rows("--reference", self.model)[1]["chip"]["kl"]["mean"])
        self.assertEqual(divergence, sorted(divergence, reverse=True))

    def test_same_numbers_for_any_threads_and_without_reference(self):
        self.cartridge(checkpoint=self.model)
        alone = self.rows("--threads", 1)[1]["chip"]["perplexity"]
        self.assertEqual(self.rows("--threads", 3)[1]["chip"]["perplexity"], alone)
        self.assertEqual(self.rows("--reference", self.model)[1]["chip"]["perplexity"], alone)

    def test_blame_names_each_kind_and_each_tensor(self):
        self.cartridge("--bits", 3, checkpoint=self.model)
        kinds = self.rows("--reference", self.model, "--blame", "--tokens", 120)[1]
        names = {"embed_tokens", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"}
        self.assertLessEqual(names, set(kinds))
        chip, floor = kinds["chip"]["kl"]["mean"], kinds["arithmetic alone"]["kl"]["mean"]
        for name in names:
            self.assertLess(kinds[name]["kl"]["mean"], chip * 1.2, name)
        self.assertGreater(max(kinds[name]["kl"]["mean"] for name in names), 3 * floor)
        tensors = self.rows("--reference", self.model, "--blame=tensor", "--tokens", 60)[1]
        self.assertEqual(len(tensors), 3 + 2 + 7 * 2)
        self.assertIn("model.layers.1.mlp.down_proj", tensors)

    def test_refusals(self):
        self.cartridge(checkpoint=self.model)
        self.refuse("eval", "model.burin", "--text", "text", "--arithmetic", says=["--reference"])
        self.refuse("eval", "model.burin", "--text", "text", "--blame", says=["--reference"])
        self.refuse("eval", "model.burin", "--text", "text", "--window", 1000, says=["128"])
        harness.write_checkpoint(self.folder / "other", config={"num_hidden_layers": 1})
        self.refuse("eval", "model.burin", "--text", "text", "--reference", self.folder / "other", says=["geometry"])
        (self.folder / "empty").write_text("")
        self.refuse("eval", "model.burin", "--text", "empty", says=["predict"])


class ExactMatch(BurinTest):
    def test_counts_what_run_writes(self):
        path = self.cartridge("--bits", 6)
        lines = []
        for i in range(60):
            answer = self.json("run", path, "-p", f"prompt {i}", "-n", 100)
            lines.append({"prompt": f"prompt {i}", "expected": answer["text"], "kind": answer["finish"]})
            if answer["finish"] == "stop":
                lines.append({"prompt": f"prompt {i}", "expected": answer["text"] + "?", "kind": "wrong"})
            if i >= 12 and any(line["kind"] == "stop" for line in lines):
                break
        (self.folder / "lines").write_text("\n".join(map(json.dumps, lines)) + "\n")
        chip = self.json("eval", path, "--exact-match", "lines")["chip"]
        self.assertEqual(chip["cases"], len(lines))
        for kind, tally in chip["kinds"].items():
            self.assertEqual(tally["right"], tally["cases"] if kind == "stop" else 0, kind)
        both = self.json("eval", path, "--exact-match", "lines", "--reference", self.folder / "model")
        self.assertEqual(both["chip"]["right"], chip["right"])
        self.assertEqual(both["reference"]["cases"], len(lines))


if __name__ == "__main__":
    unittest.main()
