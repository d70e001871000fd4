"""Text and ids from prompts: the same bytes however the work is cut."""
import json
import re
import unittest


from harness import BurinTest


class Run(BurinTest):
    def kernels(self, path):
        """All sets of this machine, as the refusal of an unknown one lists them."""
        error = self.refuse("run", path, "-p", "x", "--kernels", "none").err
        return [name for name in ("scalar", "avx2", "avxvnni", "avx512vnni", "neon") if re.search(rf"\b{name}\b", error)]

    def test_same_bytes_for_threads_kernels_and_chunks(self):
        path = self.cartridge("--bits", 3)
        prompt = "The quick brown fox jumps over the lazy dog" * 2
        for sampling in ([], ["--temperature", "0.9", "--top-p", "0.95", "--top-k", "50", "--seed", "7"]):
            common = ["run", path, "-p", prompt, "-n", 30, "--ids", *sampling]
            first = self.burin(*common)
            self.assertGreaterEqual(len(first.split()), 1)
            for kernels in self.kernels(path):
                self.assertEqual(self.burin(*common, "--kernels", kernels), first, kernels)
                self.assertEqual(self.burin(*common, environment={"BURIN_KERNELS": kernels}), first, kernels)
            for threads in (1, 2, 3):
                self.assertEqual(self.burin(*common, "--threads", threads), first, threads)
            for chunk in (1, 7, 4096):
                self.assertEqual(self.burin(*common, "--prefill-chunk", chunk), first, chunk)

    def test_seed_decides_the_draws(self):
        path = self.cartridge("--bits", 4)
        texts = [self.burin("run", path, "-p", "a", "-n", 20, "--ids", "--temperature", 1.5, "--seed", seed)
                 for seed in (1, 1, 2)]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])

    def test_prompt_from_option_file_and_standard_input(self):
        path = self.cartridge()
        (self.folder / "prompt").write_text("hello")
        texts = [self.burin("run", path, "-p", "hello", "-n", 8), self.burin("run", path, "-f", "prompt", "-n", 8),
                 self.burin("run", path, "-f", "-", "-n", 8, stdin=b"hello")]
        self.assertEqual(texts[0], texts[1])
        self.assertEqual(texts[0], texts[2])

    def test_json_holds_text_ids_and_stats(self):
        path = self.cartridge()
        done = self.run_burin("run", path, "-p", "hello", "-n", 5, "--json", "-", "--stats")
        self.assertEqual(done.code, 0)
        result = json.loads(done.out)
        self.assertEqual(len(result["prompt_ids"]), 6)
        self.assertEqual(result["prompt_ids"][0], 256)
        self.assertLessEqual(len(result["ids"]), 5)
        self.assertEqual(result["stats"]["prompt_tokens"], 6)
        self.assertIn("tokens/s", done.err)
        self.assertEqual(result["digest"], self.json("inspect", path)["digest"])

    def test_bos_in_writing_is_not_doubled(self):
        path = self.cartridge()
        ids = [self.json("run", path, "-p", prompt, "-n", 1)["prompt_ids"] for prompt in ("hi", "<|begin|>hi")]
        self.assertEqual(ids[0], ids[1])
        raw = self.json("run", path, "-p", "<|begin|>hi", "-n", 1, "--raw")["prompt_ids"]
        self.assertEqual(len(raw), len("<|begin|>hi"))

    def test_a_form_is_kept_to(self):
        model = self.checkpoint()
        path = self.cartridge(checkpoint=model)
        schema = {"type": "object", "properties": {"on": {"type": "boolean"}, "room": {"enum": ["hall", "attic"]}},
                  "required": ["on", "room"], "additionalProperties": False}
        (self.folder / "schema.json").write_text(json.dumps(schema))
        for where, reference in ((path, []), (model, ["--reference"])):
            for given in (json.dumps(schema), "schema.json"):
                for seed in (1, 2):
                    told = self.json("run", where, "-p", "x", "--json-schema", given, "--temperature", 2, "--seed", seed,
                                     *reference)
                    value = json.loads(told["text"])
                    self.assertEqual(told["finish"], "stop")
                    self.assertTrue(isinstance(value["on"], bool) and value["room"] in ("hall", "attic"), value)
        (self.folder / "abc.gbnf").write_text("root ::= [a-c]{5}\n")
        text = self.burin("run", path, "-p", "x", "--grammar", "abc.gbnf", "--temperature", 2).rstrip("\n")
        self.assertRegex(text, "^[abc]{5}$")
        self.assertEqual(self.burin("run", path, "-p", "x", "--grammar", 'root ::= "yes"', "-n", 2), "ye\n")
        self.refuse("run", path, "-p", "x", "--json-schema", '{"not": {}}', says=["not", "constrained-output.md"])
        self.refuse("run", path, "-p", "x", "--json-schema", "{", says=["JSON schema"])
        self.refuse("run", path, "-p", "x", "--grammar", "root ::= other", says=["other"])
        self.refuse("run", path, "-p", "x", "--grammar", "nowhere", says=["nowhere"])
        self.refuse("run", path, "-p", "x", "--grammar", "a ::= b", "--json-schema", "{}", says=["--grammar"])

    def test_context_ends_the_text(self):
        path = self.cartridge("--context", 16)
        result = self.json("run", path, "-p", "hello", "-n", 100)
        if result["finish"] != "stop":
            self.assertEqual(result["finish"], "context")
            self.assertEqual(len(result["prompt_ids"]) + len(result["ids"]), 17)

    def test_nothing_to_do(self):
        self.assertEqual(self.burin("run", self.cartridge(), "-p", "hello", "-n", 0), "\n")

    def test_reference_runs_a_checkpoint(self):
        folder = self.checkpoint()
        texts = {self.burin("run", folder, "--reference", "-p", "hello", "-n", 12, "--ids", *options)
                 for options in ([], ["--threads", 1], ["--prefill-chunk", 2])}
        self.assertEqual(len(texts), 1)


class Chat(BurinTest):
    def test_chat_prompt_has_the_marks(self):
        path = self.cartridge()
        ids = self.json("run", path, "--chat", "--system", "s", "-p", "<|end|>", "-n", 1)["prompt_ids"]
        begin, end, system, user, assistant = range(256, 261)
        self.assertEqual([ids[0], ids[1], ids[3], ids[4]], [begin, system, end, user])
        self.assertEqual(ids[-2:], [end, assistant])
        self.assertEqual(len(ids), 5 + len("<|end|>") + 2)  # what a user types is no mark
        self.assertEqual(sum(i >= 256 for i in ids), 6)

    def test_turns_and_commands(self):
        path = self.cartridge()
        talk = b"hello\n/stats\n/reset\nhello\n/system be brief\nhello\n/quit\nnever read\n"
        text = self.burin("chat", path, "-n", 6, stdin=talk)
        lines = text.split("\n")
        self.assertIn("tokens/s", text)
        self.assertIn("context", text)
        self.assertGreater(len(lines), 4)
        self.burin("chat", path, "-n", 3, stdin=b"the end of the input ends it\n")
        self.burin("chat", path, "-n", 3, stdin=b"")

    def test_the_second_turn_sees_the_first(self):
        path = self.cartridge()
        answers = self.burin("chat", path, "-n", 4, stdin=b"one\ntwo\n/stats\n")
        used = int(re.search(r"context (\d+) of", answers).group(1))
        self.assertGreater(used, len("one") + len("two") + 7)

    def test_a_full_context_is_said(self):
        path = self.cartridge("--context", 24)
        self.assertIn("/reset", self.burin("chat", path, "-n", 3, stdin=b"a message that is too long for it\n"))


if __name__ == "__main__":
    unittest.main()
