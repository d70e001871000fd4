"""Published models: texts and numbers pinned by others."""
import json
import unittest

from harness import BurinTest, HEARTH, SHARED, needs_hearth, needs_shared

STORIES = SHARED / "stories260K"


@needs_shared
class Stories(BurinTest):
    def test_reference_writes_the_pinned_text(self):
        expected = (STORIES / "reference" / "expected-greedy-200.txt").read_text().rstrip("\n")
        for model in (STORIES / "hf", STORIES / "original" / "stories260K.gguf"):
            text = self.burin("run", model, "--reference", "-p", "", "-n", 200)
            self.assertEqual(text.rstrip("\n"), expected, model)

    def test_reference_writes_the_pinned_ids(self):
        for generation in json.loads((STORIES / "reference" / "greedy.json").read_text())["generations"]:
            result = self.json("run", STORIES / "hf", "--reference", "-p", generation["prompt"], "-n",
                               len(generation["new_ids"]))
            self.assertEqual(result["prompt_ids"], generation["prompt_ids"])
            self.assertEqual(result["ids"], generation["new_ids"])

    def test_a_gguf_file_becomes_a_cartridge(self):
        made = self.json("engrave", STORIES / "original" / "stories260K.gguf", "-o", "m.burin", "--bits", 6)
        self.assertEqual(made["weights"], 292096)  # its head is stored apart from the embedding
        self.assertTrue(self.burin("run", "m.burin", "-p", "Once upon a time", "-n", 40).startswith(", there was"))

    def test_loss_of_the_float_model_on_pinned_texts(self):
        self.burin("engrave", STORIES / "hf", "-o", "m.burin", "--bits", 6, "--group", 32)
        pinned = json.loads((STORIES / "reference" / "nll.json").read_text())["results"]
        sources = {"tinystories-val-a": "stories.txt", "tinyshakespeare": "input.txt"}
        for case in pinned:
            text = (SHARED / case["text"] / sources[case["text"]]).read_text()[:case["chars_used"]]
            (self.folder / "text").write_text(text)
            result = self.json("eval", "m.burin", "--text", "text", "--reference", STORIES / "hf", "--window",
                               case["window"])
            rows = {row["name"]: row for row in result["results"]}
            self.assertEqual(result["tokens"], case["tokens"])
            self.assertEqual(result["predicted"], case["predicted"])
            self.assertAlmostEqual(rows["float reference"]["nll"]["mean"], case["mean_nll"], delta=1e-4)
            self.assertLess(rows["chip"]["kl"]["mean"], 0.05)


@needs_hearth
class Hearth(BurinTest):
    def test_questions_are_answered_on_the_chip(self):
        self.burin("engrave", HEARTH, "-o", "m.burin", "--bits", 6, "--group", 32)
        lines = (HEARTH / "heldout.jsonl").read_text().splitlines()[:60]
        (self.folder / "lines").write_text("\n".join(lines) + "\n")
        result = self.json("eval", "m.burin", "--exact-match", "lines", "--reference", HEARTH)
        self.assertEqual(result["chip"]["cases"], 60)
        self.assertGreater(result["reference"]["share"], 0.3)
        self.assertGreater(result["chip"]["share"], result["reference"]["share"] - 0.1)

    def test_chat_and_marked_prompt_are_the_same(self):
        self.burin("engrave", HEARTH, "-o", "m.burin", "--bits", 4)
        chat = self.json("run", "m.burin", "--chat", "-p", "turn on the lamp in the kitchen", "-n", 60)
        marked = self.json("run", "m.burin", "-p", "<|user|>turn on the lamp in the kitchen<|end|><|assistant|>",
                           "-n", 60)
        self.assertEqual(chat["prompt_ids"], marked["prompt_ids"])
        self.assertEqual(chat["text"], marked["text"])
        talk = self.burin("chat", "m.burin", stdin=b"turn on the lamp in the kitchen\n")
        self.assertEqual(talk.strip(), chat["text"].strip())


if __name__ == "__main__":
    unittest.main()
