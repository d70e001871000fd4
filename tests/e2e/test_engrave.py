"""Engraving: same bytes always, stopped or not; what inspect says of the result."""
import signal
import subprocess
import time
import unittest

import harness
from harness import BurinTest

PRESET = "smollm2-135m"


class Engrave(BurinTest):
    def test_same_bytes_for_any_threads(self):
        folder = self.checkpoint()
        files = []
        for threads in (1, 2, 5):
            self.burin("engrave", folder, "-o", f"{threads}.burin", "--bits", 4, "--threads", threads)
            files.append((self.folder / f"{threads}.burin").read_bytes())
        self.assertTrue(all(file == files[0] for file in files))

    def test_inspect_agrees_with_engrave(self):
        made = self.json("engrave", self.checkpoint(), "-o", "m.burin", "--bits", 3, "--group", 32,
                         "--tensor-bits", "*.down_proj=6,lm_head=4", "--context", 100)
        seen = self.json("inspect", "m.burin", "--verify")
        for key in ("digest", "weights", "file_bytes", "context", "group", "bits_per_weight"):
            self.assertEqual(made[key], seen[key], key)
        self.assertEqual(seen["context"], 100)
        self.assertTrue(seen["verified"])
        bits = {t["name"]: t["bits"] for t in seen["tensors"]}
        self.assertEqual(bits["lm_head"], 4)
        self.assertEqual(bits["model.layers.1.mlp.down_proj"], 6)
        self.assertEqual(bits["model.layers.1.mlp.up_proj"], 3)
        self.assertEqual(seen["file_bytes"], (self.folder / "m.burin").stat().st_size)
        self.assertEqual(seen["tokenizer"]["tokens"], 261)
        self.assertEqual(seen["tokenizer"]["chat_format"], "Jinja")

    def test_more_bits_are_nearer(self):
        folder = self.checkpoint()
        errors = []
        for bits in (3, 4, 6):
            made = self.json("engrave", folder, "-o", f"{bits}.burin", "--bits", bits)
            errors.append(sum(t["error"] for t in made["tensors"]))
        self.assertGreater(errors[0], 2 * errors[1])
        self.assertGreater(errors[1], 4 * errors[2])

    def test_calibration_text(self):
        folder = self.checkpoint()
        (self.folder / "text").write_text("some words to calibrate with, and a few more of them\n" * 20)
        made = self.json("engrave", folder, "-o", "a.burin", "--calibration", "text", "--calibration-tokens", 200)
        self.assertEqual(made["calibration_tokens"], 202)  # in two windows of the context, a BOS each
        self.assertEqual(self.json("inspect", "a.burin")["quantizer"]["calibration_tokens"], 202)
        plain = self.json("engrave", folder, "-o", "b.burin", "--no-calibration")
        self.assertNotEqual(plain["digest"], made["digest"])

    def test_synthetic_model_has_no_tokenizer(self):
        made = [self.json("engrave", "--synthetic", PRESET, "--context", 64, "--seed", 5, "-o", f"{i}.burin")["digest"]
                for i in range(2)]
        self.assertEqual(made[0], made[1])
        self.assertIsNone(self.json("inspect", "0.burin")["tokenizer"])
        self.refuse("run", "0.burin", "-p", "x", says=["tokenizer"])
        ids = self.burin("run", "0.burin", "--prompt-ids", "1,2,3", "--ids", "-n", 4).split()
        self.assertLessEqual(len(ids), 4)
        bench = self.json("bench", "0.burin", "--prompt", 8, "--decode", 2, "--rounds", 1)
        self.assertGreater(bench["decode_tokens_per_second"], 0)


class Stopped(BurinTest):
    def start(self, name):
        """An engraving that has written some of its tensors."""
        process = subprocess.Popen([harness.BURIN, "engrave", "--synthetic", PRESET, "--context", "64", "-o", name],
                                   cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        journal = self.folder / f"{name}.partial.journal"
        while process.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") > 3:
                break
            time.sleep(0.002)
        self.assertIsNone(process.poll(), "too fast to be stopped")
        return process

    def test_ctrl_c_leaves_nothing(self):
        process = self.start("m.burin")
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, error)
        self.assertEqual(error.count(b"\n"), 1, error)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_killed_run_goes_on_to_the_same_digest(self):
        process = self.start("m.burin")
        process.kill()
        process.communicate()
        self.assertFalse((self.folder / "m.burin").exists())
        again = self.json("engrave", "--synthetic", PRESET, "--context", 64, "-o", "m.burin")
        whole = self.json("engrave", "--synthetic", PRESET, "--context", 64, "-o", "whole.burin")
        self.assertGreater(again["resumed_tensors"], 0)
        self.assertEqual(again["digest"], whole["digest"])
        self.assertEqual((self.folder / "m.burin").read_bytes(), (self.folder / "whole.burin").read_bytes())
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"m.burin", "whole.burin"})


if __name__ == "__main__":
    unittest.main()
