"""What is printed: 80 columns, valid JSON and nothing beside it, help and versions."""
import json
import re
import unittest

from harness import BurinTest

COMMANDS = ["engrave", "inspect", "run", "chat", "eval", "bench", "presets"]


class Output(BurinTest):
    def narrow(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        self.assertNotIn("\x1b", text)

    def test_help_and_version(self):
        self.assertRegex(self.burin("--version"), r"^burin \d+\.\d+\.\d+\n$")
        text = self.burin("--help")
        self.narrow(text)
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^  {command}\b")
            self.narrow(self.burin(command, "--help"))

    def test_tables_fit_in_80_columns(self):
        folder = self.checkpoint()
        (self.folder / "text").write_text("some text to predict, again and again\n" * 4)
        for arguments in (["engrave", folder, "-o", "m.burin"], ["inspect", "m.burin", "--verify"],
                          ["inspect", "m.burin", "--tensors"], ["presets"],
                          ["bench", "m.burin", "--prompt", 8, "--decode", 2, "--rounds", 1],
                          ["eval", "m.burin", "--text", "text", "--window", 64, "--reference", folder, "--blame=tensor"]):
            done = self.run_burin(*arguments)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(done.err, "")  # no progress where there is no terminal
            self.narrow(done.out)

    def test_json_is_alone_on_standard_output_and_equal_in_a_file(self):
        folder = self.checkpoint()
        (self.folder / "text").write_text("some text to predict\n" * 4)
        for arguments in (["engrave", folder, "-o", "m.burin", "--force"], ["inspect", "m.burin"], ["presets"],
                          ["run", "m.burin", "-p", "x", "-n", 3], ["eval", "m.burin", "--text", "text", "--window", 64],
                          ["bench", "m.burin", "--prompt", 8, "--decode", 2, "--rounds", 1]):
            alone = json.loads(self.burin(*arguments, "--json", "-"))
            text = self.burin(*arguments, "--json", "file.json")
            self.assertNotEqual(text, "")
            filed = json.loads((self.folder / "file.json").read_text())
            self.assertEqual(type(filed), type(alone))
            if isinstance(filed, dict):
                self.assertEqual(set(filed), set(alone))

    def test_bench_says_what_was_measured(self):
        path = self.cartridge()
        result = self.json("bench", path, "--prompt", 1000, "--decode", 4, "--rounds", 2)
        self.assertEqual(result["prompt_tokens"], 124)  # what the context leaves
        for key in ("prefill_tokens_per_second", "decode_tokens_per_second", "memory_limit_bytes_per_second",
                    "share_of_limit", "peak_resident_bytes", "kv_bytes", "load_ms"):
            self.assertGreater(result[key], 0, key)
        self.assertTrue(re.fullmatch(r"[0-9a-f]{64}", result["digest"]))


if __name__ == "__main__":
    unittest.main()
