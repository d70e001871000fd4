"""burin mask: two programmed layers, read back from geometry, judged by KLayout."""
import json
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import unittest

from harness import BURIN, BurinTest, HEARTH, SHARED, SOURCE, needs_hearth, needs_shared

KLAYOUT = shutil.which("klayout")
EXTRACT = SOURCE / "scripts" / "klayout" / "extract.py"
COMPARE = SOURCE / "scripts" / "klayout" / "compare_layers.py"
MERGE = SOURCE / "scripts" / "merge_adapter.py"
SCRIPT = pathlib.Path(__file__).resolve().parent / "edit_vias.py"


class Masks(BurinTest):
    def masks(self, cartridge, name, *options):
        self.burin("mask", cartridge, "--chip", "nano", "-o", name, *options)
        return self.folder / name

    def test_read_back_equals_the_cartridge(self):
        cartridge = self.cartridge("--bits", 4, "--tensor-bits", "*.down_proj=6,*.q_proj=3")
        made = self.json("mask", cartridge, "--chip", "nano", "-o", "m")
        digest = self.json("inspect", cartridge)["digest"]
        for given in ([cartridge], []):
            read = self.json("mask", "verify", "m", *given)
            self.assertEqual((read["problems"], read["digest"]), (0, digest))
            self.assertTrue(all(t["equal"] for t in read["tensors"]))
            self.assertEqual(read["weight_vias"], made["weight_vias"])
            self.assertEqual(read["constant_vias"], made["constant_vias"])
        again = self.json("mask", cartridge, "--chip", "nano", "-o", "again", "--threads", 1)
        self.assertEqual(again["files"], made["files"])

    def test_a_diff_of_a_model_with_itself_and_with_another(self):
        a = self.cartridge("--bits", 4)
        a.rename(self.folder / "a.burin")
        b = self.cartridge("--bits", 4, "--no-calibration")
        same = self.json("mask", "diff", "a.burin", "a.burin", "--chip", "nano")
        self.assertEqual((same["weight_vias_changed"], same["constant_vias_changed"], same["layers_touched"]), (0, 0, 0))
        diff = self.json("mask", "diff", "a.burin", b, "--chip", "nano", "--rank", 4)
        self.assertEqual(diff["layers_touched"], 2)
        made = self.json("mask", b, "--chip", "nano", "-o", "m")
        self.assertEqual(diff["base_sha256"], made["files"][0]["sha256"])
        self.assertGreater(diff["respin_usd"]["high"], diff["respin_usd"]["low"])
        for tensor in diff["tensors"]:
            self.assertEqual(tensor["energy_by_rank"], sorted(tensor["energy_by_rank"]))

    def test_refusals(self):
        cartridge = self.cartridge("--bits", 4)
        self.masks(cartridge, "m")
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "m", says=["not empty", "--force"])
        self.json("mask", cartridge, "--chip", "nano", "-o", "m", "--force")
        (self.folder / "o").mkdir()
        (self.folder / "o" / "letter").write_text("mine")
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "o", "--force", says=["not made by this command"])
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "n", "--process", "tsmc", says=["tsmc", "sky130"])
        self.assertFalse((self.folder / "n").exists())
        self.refuse("mask", cartridge, says=["--chip"])
        self.refuse("mask", "verify", "nowhere", cartridge, says=["masks.toml"])
        other = self.folder / "other.burin"
        self.burin("engrave", self.folder / "model", "-o", other, "--bits", 6)
        self.refuse("mask", "verify", "m", other, says=["digest"])
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "t.oas", "--tile", 9999, says=["--tile", "0 to"])
        weights = self.folder / "m" / "weights.oas"
        weights.write_bytes(weights.read_bytes()[:-1000])
        self.refuse("mask", "verify", "m", cartridge, says=["weights.oas"])

    def test_a_rule_that_is_missing_is_named_with_its_file(self):
        cartridge = self.cartridge("--bits", 4, "--no-calibration")
        text = (SOURCE / "data" / "rules" / "sky130.toml").read_text()
        (self.folder / "less.toml").write_text(text.replace('"weight_via.in.line" = ', '"weight_via.in.lime" = '))
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "n", "--process", "less.toml",
                    says=["less.toml", "weight_via.in.line", "missing"])
        self.assertFalse((self.folder / "n").exists())

    def test_a_disk_that_fills_up_leaves_nothing(self):
        cartridge = self.cartridge("--bits", 4, "--no-calibration")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        self.refuse("mask", cartridge, "--chip", "nano", "-o", "m", says=["m.partial/base.oas", "too large"], preexec_fn=limit)
        self.assertFalse((self.folder / "m").exists())

    def test_a_disk_that_is_too_small_is_refused_before_the_start(self):
        cartridge = self.cartridge("--bits", 4, "--no-calibration")
        (self.folder / "small").mkdir()
        script = f"mount -t tmpfs -o size=1m none small && exec {BURIN} mask {cartridge} --chip nano -o small/m"
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, cwd=self.folder, timeout=120,
                              check=False)
        if b"burin: " not in done.stderr:
            self.skipTest(f"no small file system here: {done.stderr.decode().strip()}")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), r"small/m: 1\.00 MiB free; expected up to [\d.]+ MiB for the masks")
        self.assertFalse((self.folder / "small" / "m").exists())

    @unittest.skipUnless(KLAYOUT, "no klayout")
    def test_one_via_that_a_foreign_tool_moves_removes_or_adds_is_named(self):
        a = self.cartridge("--bits", 4)
        a.rename(self.folder / "a.burin")
        b = self.cartridge("--bits", 4, "--no-calibration")
        masks = self.masks("a.burin", "a")
        other = self.masks(b, "b")
        done = subprocess.run([KLAYOUT, "-b", "-r", SCRIPT, "-rd", f"weights={masks / 'weights.oas'}", "-rd",
                               f"out={self.folder}", "-rd", f"other={other / 'weights.oas'}"], capture_output=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        report = json.loads((self.folder / "report.json").read_text())
        read = self.json("mask", "verify", "a", "a.burin")
        self.assertEqual(report["vias"], read["weight_vias"])
        diff = self.json("mask", "diff", "a.burin", b, "--chip", "nano", "--rank", 0)
        self.assertEqual(report["only_first"], report["only_second"])
        self.assertEqual(report["only_first"], diff["weight_vias_changed"])
        place = r"bank 1, row \d+, column \d+"
        tensor = r" \(model\.\S+, input \d+, output \d+\)"
        for name, says in [("moved.oas", place + tensor + r": code \d+, the cartridge has \d+"),
                           ("removed.oas", place + tensor + r": no via, the cartridge has \d+"),
                           ("added.oas", place + tensor + r": two vias, code \d+ and \d+, the cartridge has \d+")]:
            shutil.copy(self.folder / name, masks / "weights.oas")
            failed = self.run_burin("mask", "verify", "a", "a.burin")
            self.assertEqual(failed.code, 2)
            self.assertRegex(failed.err, r"1 difference, the first: " + says)
            tensors = re.search(r"tensors +(\d+) of (\d+) equal", failed.out)
            self.assertEqual(int(tensors[1]), int(tensors[2]) - 1)

    @unittest.skipUnless(KLAYOUT and EXTRACT.is_file(), "no klayout")
    def test_klayout_extracts_the_codes_of_a_bank(self):
        """The foreign judge: devices and nets from the tile's geometry give the codes that we say are there."""
        nano = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        small = nano.replace("rows = 128", "rows = 32").replace("columns = 64", "columns = 32")
        (self.folder / "small.toml").write_text(small)
        cartridge = self.cartridge("--bits", 4, "--group", 32, "--no-calibration")
        self.burin("mask", cartridge, "--chip", "small.toml", "-o", "tile.gds", "--tile", 3, "--json", "tile.json")
        extract = [KLAYOUT, "-b", "-r", EXTRACT, "-rd", "input=tile.gds", "-rd",
                   f"rules={SOURCE / 'data' / 'rules' / 'sky130.toml'}", "-rd", "codes=tile.json"]
        done = subprocess.run(extract, capture_output=True, timeout=300, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        tile = json.loads((self.folder / "tile.json").read_text())
        tile["codes"][5][7] = (tile["codes"][5][7] + 1) % 16
        (self.folder / "tile.json").write_text(json.dumps(tile))
        done = subprocess.run(extract, capture_output=True, timeout=300, check=False, cwd=self.folder)
        self.assertNotEqual(done.returncode, 0, "a wrong code was not found")


@needs_hearth
class Hearth(BurinTest):
    def test_the_bundled_model_at_mixed_bits(self):
        self.burin("engrave", HEARTH, "-o", "h.burin", "--bits", 3, "--tensor-bits", "*.down_proj=6", "--no-calibration")
        self.burin("mask", "h.burin", "--chip", "nano", "-o", "m")
        self.assertRegex(self.burin("mask", "verify", "m", "h.burin"), r"digest      [0-9a-f]{64}, the cartridge's")


@needs_hearth
class FineTunes(BurinTest):
    """The bundled model and the two fine-tunes that its adapters merge to: their change is of rank 8, between them 16."""

    def fine_tune(self, adapter):
        done = subprocess.run([sys.executable, MERGE, HEARTH, HEARTH / "adapters" / adapter, "-o", self.folder / adapter],
                              capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.burin("engrave", self.folder / adapter, "-o", f"{adapter}.burin", "--bits", 4, "--no-calibration")

    def compare(self, layer):
        done = subprocess.run([KLAYOUT, "-b", "-r", COMPARE, "-rd", f"first=orders.masks/{layer}", "-rd",
                               f"second=innkeeper.masks/{layer}", "-rd", "report=report.json"], capture_output=True,
                              timeout=300, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads((self.folder / "report.json").read_text())

    def test_a_diff_says_what_klayout_counts_and_which_rank_it_has(self):
        for adapter in ("orders", "innkeeper"):
            self.fine_tune(adapter)
            self.burin("mask", f"{adapter}.burin", "--chip", "nano", "-o", f"{adapter}.masks")
        self.burin("engrave", HEARTH, "-o", "hearth.burin", "--bits", 4, "--no-calibration")
        # What is left of a change of that rank is less than rounding alone moves; one rank fewer leaves more.
        for first, rank in (("hearth", 8), ("orders", 16)):
            for given in (rank, rank - 2):
                diff = self.json("mask", "diff", f"{first}.burin", "innkeeper.burin", "--chip", "nano", "--rank", given)
                self.assertEqual(diff["left_over_rounding"] < 1, given == rank, (first, given, diff["left_over_rounding"]))
        if not KLAYOUT:
            self.skipTest("no klayout to count with")
        diff = self.json("mask", "diff", "orders.burin", "innkeeper.burin", "--chip", "nano", "--rank", 0)
        self.assertGreater(diff["weight_vias_changed"], 100000)
        for layer, counted in (("weights.oas", "weight_vias_changed"), ("constants.oas", "constant_vias_changed")):
            report = self.compare(layer)
            self.assertEqual((report["only_first"], report["only_second"], report["other"]),
                             (diff[counted], diff[counted], 0))


@needs_shared
class Stories(BurinTest):
    def test_stories_260k(self):
        self.burin("engrave", SHARED / "stories260K" / "hf", "-o", "s.burin", "--bits", 4, "--no-calibration")
        self.burin("mask", "s.burin", "--chip", "nano", "-o", "m")
        text = self.burin("mask", "verify", "m", "s.burin")
        self.assertTrue(re.search(r"digest      [0-9a-f]{64}, the cartridge's", text), text)


if __name__ == "__main__":
    unittest.main()
