"""burin place: known geometries, cartridges, and what it refuses."""
import re
import unittest

from harness import BurinTest, SOURCE


class Place(BurinTest):
    def test_presets_on_their_chips(self):
        for model, chip, dies in [("llama-3.1-8b", "hc1", 1), ("llama-3.2-1b", "edge", 1), ("qwen3-8b", "hc1", 1),
                                  ("llama-20b-synthetic", "hc2", 2), ("llama-3.1-70b", "hc1", 8)]:
            result = self.json("place", model, "--chip", chip)
            self.assertEqual((result["model"], result["chip"], result["dies"]), (model, chip, dies))
            self.assertEqual(sum(result["banks_of_die"]), result["banks"])
            self.assertTrue(result["verified"])

    def test_a_cartridge_and_its_config_take_the_same_places(self):
        checkpoint = self.checkpoint()
        cartridge = self.cartridge("--bits", 4, "--tensor-bits", "lm_head=6", checkpoint=checkpoint)
        from_weights = self.json("place", cartridge, "--chip", "nano")
        self.assertEqual(from_weights["digest"], self.json("inspect", cartridge)["digest"])
        config = self.json("place", checkpoint / "config.json", "--chip", "nano", "--tensor-bits", "lm_head=6")
        self.assertEqual(config["matrices"], from_weights["matrices"])
        folder = self.json("place", checkpoint, "--chip", "nano", "--tensor-bits", "lm_head=6")
        self.assertEqual(folder["banks"], config["banks"])

    def test_dump_holds_every_block_once(self):
        cartridge = self.cartridge("--bits", 3)
        placed = self.json("place", cartridge, "--chip", "nano", "--dump", "dump.txt")
        text = (self.folder / "dump.txt").read_text()
        places = re.findall(r"^block .* bank (\d+) page (\d+) ", text, re.M)
        self.assertEqual(len(places), placed["blocks"])
        self.assertEqual(len(set(places)), placed["blocks"])
        self.assertEqual(self.burin("place", cartridge, "--chip", "nano", "--dump", "-"), text)

    def test_a_chip_of_ones_own(self):
        nano = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        (self.folder / "mine.toml").write_text(nano.replace("fold = 1", "fold = 4"))
        result = self.json("place", SOURCE / "models" / "hearth" / "config.json", "--chip", "mine.toml")
        self.assertEqual((result["chip"], result["banks"]), ("mine", 40))

    def test_refusals(self):
        self.refuse("place", "llama-3.1-8c", "--chip", "hc1", says=["llama-3.1-8c", "llama-3.1-8b"])
        self.refuse("place", "llama-3.1-8b", "--chip", "hc", says=["chip 'hc'", "hc1"])
        self.refuse("place", "llama-3.1-8b", "--chip", "no/such.toml", says=["no/such.toml"])
        self.refuse("place", "llama-3.1-8b", "--chip", "nano", "--bits", 3, says=["at most 400 banks", "Chips that hold it: hc1"])
        self.refuse("place", "llama-3.1-8b", "--chip", "hc1", "--bits", 4, says=["levels: 8", "hc2"])
        self.refuse("place", "llama-3.1-8b", "--chip", "hc1", "--context", 131072, says=["KV SRAM", "98304 positions"])
        self.refuse("place", "llama-3.1-8b", "--chip", "hc1", "--bits", 5, says=["--bits"])
        self.refuse("place", "llama-3.1-8b", "--chip", "hc1", "--tensor-bits", "nothing=6", says=["nothing"])
        self.refuse("place", self.cartridge(), "--chip", "nano", "--bits", 4, says=["a cartridge has its own"])
        self.refuse("place", "missing/config.json", "--chip", "nano", says=["no such file"])
        nano = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        for change, says in [(("rows = 128", "rows = 0"), ["bad.toml:5: rows: 0"]),
                             (("rows = 128", "rows = 4000000000"), ["bad.toml:5: rows"]),
                             (("unit = \"Hz\"\n", ""), ["clock_hz.unit: is missing"]),
                             (("low = 25e6", "low = -25e6"), ["clock_hz.low: -25000000"]),
                             (("top_k = 8", "top_k = "), ["bad.toml:"])]:
            (self.folder / "bad.toml").write_text(nano.replace(*change, 1))
            self.refuse("place", "smollm2-135m", "--chip", "bad.toml", says=says)


if __name__ == "__main__":
    unittest.main()
