"""burin report: known geometries and cartridges on chips, the page, wishes, and what it refuses."""
import json
import re
import unittest

from harness import HEARTH, SOURCE, BurinTest, needs_hearth

KEYS = ["chip", "model", "tokens_per_s_user", "tokens_per_s_aggregate", "first_token_s", "area_mm2", "transistors",
        "power_w", "energy_per_token_j", "yield", "die_cost_usd", "card_cost_usd", "usd_per_m_tokens", "max_context",
        "binds", "area_by_block", "cycles_by_stage"]


class Report(BurinTest):
    def test_presets_on_their_chips(self):
        for model, chip, dies in [("llama-3.1-8b", "hc1", 1), ("llama-3.2-1b", "edge", 1), ("qwen3-8b", "hc1", 1),
                                  ("llama-20b-synthetic", "hc2", 2), ("llama-3.1-70b", "hc1", 8)]:
            result = self.json("report", model, "--chip", chip)
            self.assertEqual((result["model"], result["chip"], result["dies"]), (model, chip, dies))
            for key in KEYS:
                self.assertIn(key, result)
            self.assertNotIn("digest", result)
            for key in ["tokens_per_s_user", "area_mm2", "power_w"]:
                band = result[key]
                self.assertTrue(0 < band["low"] < band["nominal"] < band["high"], (key, band))
            cycles = sum(result["cycles_by_stage"].values())
            self.assertEqual(cycles, result["cycles_per_token"])
            self.assertEqual(sum(result["cycles_by_cause"].values()), cycles)
            area = sum(block["mm2"] for block in result["area_by_block"].values())
            self.assertAlmostEqual(area / result["area_mm2"]["nominal"], 1, 3)
            self.assertGreaterEqual(result["tokens_per_s_aggregate"] * 1.001, result["tokens_per_s_user"]["nominal"])

    def test_the_published_chip_is_in_its_bracket(self):
        speed = self.json("report", "llama-3.1-8b", "--chip", "hc1")["tokens_per_s_user"]
        self.assertTrue(speed["low"] <= 16960 <= speed["high"], speed)

    def test_a_cartridge_and_its_config_say_the_same(self):
        checkpoint = self.checkpoint()
        cartridge = self.cartridge("--bits", 4, checkpoint=checkpoint)
        weights = self.json("report", cartridge, "--chip", "nano")
        self.assertEqual(weights.pop("digest"), self.json("inspect", cartridge)["digest"])
        geometry = self.json("report", checkpoint / "config.json", "--chip", "nano", "--bits", 4)
        for key in ["tokens_per_s_user", "area_mm2", "power_w", "cycles_by_stage", "binds"]:
            self.assertEqual(weights[key], geometry[key])

    @needs_hearth
    def test_the_bundled_model_on_nano(self):
        result = self.json("report", HEARTH / "config.json", "--chip", "nano", "--bits", 4)
        self.assertGreater(result["tokens_per_s_user"]["nominal"], 1000)
        self.assertEqual(result["process"], "sky130")

    def test_the_page_stands_alone(self):
        text = self.burin("report", "llama-3.2-1b", "--chip", "edge", "--html", "page.html")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        page = (self.folder / "page.html").read_text()
        for outside in ["http://", "https://", "src=", "@import", "url("]:
            self.assertNotIn(outside, page)
        for part in ["<svg", "layer 15", "H200", "prefers-color-scheme: dark", "Context against area"]:
            self.assertIn(part, page)
        self.assertNotRegex(page, r"\bnan\b|\binf\b|@BODY@")
        self.assertEqual(len(re.findall("<section", page)), len(re.findall("</section", page)))

    def test_wishes(self):
        met = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", "tokens_per_s=10000")["require"]
        self.assertTrue(met["met"])
        self.assertEqual(met["smallest_change"]["changes"], [])
        faster = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", "tokens_per_s=15000,area_mm2=858")
        change = faster["require"]["smallest_change"]
        self.assertGreaterEqual(change["tokens_per_s_user"], 15000)
        self.assertLessEqual(change["die_mm2"], 858)
        self.assertEqual(len(change["changes"]), 1)
        far = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", "context=131072")["require"]
        self.assertNotIn("smallest_change", far)
        self.assertIn("KV SRAM", far["limit"])
        self.assertGreater(far["nearest"]["max_context"], 6144)
        self.assertGreaterEqual(far["with_dies"]["max_context"], 131072)
        self.assertGreater(far["with_dies"]["card_cost_usd"], far["nearest"]["card_cost_usd"])
        price = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", "tokens_per_s=30000")["require"]
        self.assertGreaterEqual(price["with_clock"]["tokens_per_s_user"], 30000)
        self.assertIn("rows", [change["knob"] for change in price["with_clock"]["changes"]])
        page = self.burin("report", "llama-3.1-8b", "--chip", "hc1", "--require", "tokens_per_s=30000")
        self.assertIn("price", page)
        self.assertLessEqual(max(map(len, page.splitlines())), 80)
        all_three = "tokens_per_s=17000,context=6144,area_mm2=858"
        three = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", all_three)["require"]
        self.assertGreaterEqual(three["smallest_change"]["tokens_per_s_user"], 17000)
        self.assertLessEqual(three["smallest_change"]["die_mm2"], 858)
        fast = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--require", "tokens_per_s=1e6")["require"]
        self.assertFalse(fast["met"])
        self.assertIn("latency", fast["limit"])
        self.assertGreater(fast["nearest"]["tokens_per_s_user"], change["tokens_per_s_user"])

    def test_fit_lists_every_chip(self):
        fits = {fit["chip"]: fit for fit in self.json("fit", "llama-3.1-8b")}
        self.assertEqual(sorted(fits), ["edge", "hc1", "hc2", "nano"])
        self.assertEqual((fits["hc1"]["fits"], fits["hc1"]["dies"]), (True, 1))
        report = self.json("report", "llama-3.1-8b", "--chip", "hc1")
        self.assertAlmostEqual(fits["hc1"]["tokens_per_s_user"] / report["tokens_per_s_user"]["nominal"], 1, 3)
        self.assertIn("banks", fits["edge"]["refusal"])
        text = self.burin("fit", "llama-3.1-70b", "--bits", "4")
        self.assertIn("not hc1", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.refuse("fit", "llama-3.1-8c", says=["llama-3.1-8b"])

    def test_a_process_of_ones_own(self):
        n7 = (SOURCE / "data" / "tech" / "n7.toml").read_text()
        (self.folder / "mine.toml").write_text(n7.replace("nominal = 9346", "nominal = 9999"))
        ours = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--process", "mine.toml")
        theirs = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--process", "n7")
        self.assertEqual(ours["process"], "mine")
        self.assertGreater(ours["die_cost_usd"], theirs["die_cost_usd"])
        (self.folder / "mine.toml").write_text(n7.replace(", unit = \"um2\"", ""))
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--process", "mine.toml", says=["mine.toml:", "rom_cell.unit"])

    def test_an_adapter_costs_time(self):
        plain = self.json("report", "llama-3.1-8b", "--chip", "hc1")
        adapted = self.json("report", "llama-3.1-8b", "--chip", "hc1", "--adapter-rank", 16)
        self.assertLess(adapted["tokens_per_s_user"]["nominal"], plain["tokens_per_s_user"]["nominal"])
        self.assertIn("rank 16 on all matrices", adapted["answers"]["what does a LoRA cost?"])
        self.assertGreater(adapted["cycles_by_cause"]["adapter"], 0)

    def test_refusals(self):
        self.refuse("report", "llama-3.1-8c", "--chip", "hc1", says=["llama-3.1-8b"])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc3", says=["hc1", "hc2"])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--process", "n66", says=["n6"])
        self.refuse("report", "llama-3.1-8b", "--chip", "nano", "--bits", 3, says=["banks", "hc1"])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--context", 131072, says=["KV SRAM"])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--prompt", 7000, says=["--prompt", "6144"])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--adapter-rank", 17, says=["--adapter-rank", "16"])
        for wish, says in [("speed=3", "tokens_per_s"), ("context", "KEY=NUMBER"), ("context=-1", "above 0"),
                           ("context=1,context=2", "twice"), ("context=200000", "131072"), ("area_mm2=x", "area_mm2")]:
            self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--require", wish, says=["--require", says])
        self.refuse("report", "llama-3.1-8b", "--chip", "hc1", "--html", "no/folder.html", says=["no/folder.html"])
        nano = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        for rows in ["0", "-128", "1000000000", "100"]:
            (self.folder / "bad.toml").write_text(nano.replace("rows = 128", f"rows = {rows}"))
            self.refuse("report", HEARTH / "config.json", "--chip", "bad.toml", says=["bad.toml", "rows"])


if __name__ == "__main__":
    unittest.main()
