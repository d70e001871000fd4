"""burin rtl: a whole chip under two simulators, equal to the emulator value by value and cycle by cycle.

The tests that build simulations need verilator, iverilog, yosys; where one is missing they are skipped and say so.
BURIN_SIMULATE=1 (the ctest e2e_rtl_simulation): a small chip. BURIN_LONG=1 (e2e_rtl_long): model families, real models, six chips, a context
of 256, mutations.
"""
import os
import re
import shutil
import struct
import subprocess
import unittest

from harness import BurinTest, HEARTH, SHARED, SOURCE, needs_hearth, needs_shared

LONG = os.environ.get("BURIN_LONG") == "1"
STORIES = SHARED / "stories260K" / "hf"


def needs_tools(*names):
    missing = [name for name in names if not shutil.which(name)]
    return unittest.skipIf(missing, "no " + ", ".join(missing))


long_test = unittest.skipUnless(LONG, "long: ctest -L long")


class RtlTest(BurinTest):
    def chip(self, name="chip", **knobs):
        """A chip file: nano with other knobs."""
        text = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        for knob, value in {"banks": 0, "kv_bytes": 1 << 24, **knobs}.items():
            text, count = re.subn(rf"^{knob} = \d+", f"{knob} = {value}", text, flags=re.MULTILINE)
            self.assertEqual(count, 1, knob)
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return path

    def make(self, folder, *targets, code=0):
        done = subprocess.run(["make", "-s", "-C", self.folder / folder, *targets], capture_output=True, timeout=1500,
                              text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def passed(self, output, least):
        """The bench's last line: all passed, at least that many."""
        match = re.search(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
        self.assertTrue(match, output)
        self.assertEqual(match.group(2), "0", output)
        self.assertGreaterEqual(int(match.group(1)), least, output)

    def small_chip(self, *options, **knobs):
        chip = self.chip(rows=64, columns=32, columns_per_scaler=8, vector_lanes=8, top_k=4, **knobs)
        return self.json("rtl", self.cartridge(*options), "--chip", chip, "-o", "rtl", "-n", 6, "--prompt-ids", "256,72,101",
                         "--force")


class Emission(RtlTest):
    def test_same_input_same_bytes_and_nothing_repeated(self):
        first = self.small_chip("--bits", "3", "--group", "32")
        before = {p.relative_to(self.folder / "rtl"): p.read_bytes() for p in (self.folder / "rtl").rglob("*") if p.is_file()}
        self.small_chip("--bits", "3", "--group", "32")
        after = {p.relative_to(self.folder / "rtl"): p.read_bytes() for p in (self.folder / "rtl").rglob("*") if p.is_file()}
        self.assertEqual(before, after)
        self.assertEqual(len(before), first["files"])
        fabric = (self.folder / "rtl" / "burin_fabric.sv").read_text()
        self.assertGreater(len(re.findall(r"^  burin_bank ", fabric, re.MULTILINE)), 10)
        self.assertEqual(len(re.findall(r"^module ", fabric, re.MULTILINE)), 1)

    def test_codes_of_a_bank_are_those_of_the_cartridge(self):
        # Read by the pages of docs/formats/cartridge.md and hw/README.md, not by the program.
        cartridge = self.cartridge("--bits", "4", "--group", "32")
        chip = self.chip(rows=64, columns=32, columns_per_scaler=8, vector_lanes=8)
        self.burin("rtl", cartridge, "--chip", chip, "-o", "rtl", "-n", "1")
        data = cartridge.read_bytes()
        sections = [struct.unpack_from("<IIIIQQ", data, 128 + 64 * i)
                    for i in range(struct.unpack_from("<I", data, 16)[0])]
        codes = {(tensor, layer): data[offset:offset + size] for kind, tensor, layer, _, offset, size in sections if kind == 4}
        k_proj = codes[3, 1]

        def code(row, column):
            lane = 256 * (column // 16 * 2 + row // 32) + column % 16 * 4 + row % 4
            k = row % 32 // 4
            return k_proj[lane + 64 * (k // 2)] >> 4 * (k % 2) & 15

        text = (self.folder / "rtl" / "burin_fabric.sv").read_text()
        match = re.search(r"// Bank (\d+): model\.layers\.1\.self_attn\.k_proj row block 0, columns 0 to 31\n"
                          r"(?:.*\n)*?  (rom_\w+) bank\1_code ", text)
        self.assertTrue(match)
        rows = (self.folder / "rtl" / "rom" / f"{match.group(2)}.hex").read_text().split()
        for row in range(64):
            word = int(rows[row], 16)
            self.assertEqual([word >> 4 * c & 15 for c in range(32)], [code(row, c) for c in range(32)], row)

    def test_wrong_inputs_are_refused(self):
        cartridge = self.cartridge("--bits", "4", "--group", "32")
        good = self.chip(rows=64, columns=32, columns_per_scaler=8, vector_lanes=8)
        (self.folder / "full").mkdir()
        (self.folder / "full" / "keep").write_text("x")
        for force in ([], ["--force"]):  # of somebody else: never
            self.refuse("rtl", cartridge, "--chip", good, "-o", "full", *force, says=["not empty", "another name"])
        self.assertEqual((self.folder / "full" / "keep").read_text(), "x")
        self.refuse("rtl", cartridge, "--chip", self.chip("few", banks=3), "-o", "rtl", says=["banks"])
        self.refuse("rtl", cartridge, "--chip", self.chip("levels", levels=8), "-o", "rtl", says=["levels"])
        self.refuse("rtl", cartridge, "--chip", self.chip("lanes", vector_lanes=64), "-o", "rtl", says=["lanes"])
        self.refuse("rtl", cartridge, "--chip", self.chip("heads", attention_heads=3), "-o", "rtl", says=["attention_heads"])
        self.refuse("rtl", cartridge, "--chip", good, "-o", "rtl", "--prompt-ids", "900", says=["900", "263"])
        self.refuse("rtl", "smollm2-135m", "--chip", "nano", "-o", "rtl", says=["no quantized weights", "burin engrave"])
        self.refuse("rtl", cartridge, "--chip", self.chip("small", kv_bytes=16), "-o", "rtl", says=["KV SRAM", "16 bytes"])
        self.refuse("rtl", cartridge, "--chip", self.chip("odd", rows=64, columns=96, columns_per_scaler=32), "-o", "rtl",
                    says=["columns_per_scaler", "48"])
        # Lanes wider than a group: why, and what there is instead.
        self.refuse("rtl", cartridge, "--chip", self.chip("wide", rows=64, columns=128, vector_lanes=64), "-o", "rtl",
                    says=["vector_lanes: 64", "group of 32", "--tile 0.down_proj"])
        tile = ["rtl", cartridge, "--chip", good, "-o", "rtl", "--tile"]
        self.refuse(*tile, "1.down", says=["1.down", "1.down_proj"])
        self.refuse(*tile, "99.down_proj", says=["99", "0 to"])
        self.refuse(*tile, "embed_tokens", says=["lm_head"])
        self.refuse(*tile, "1.down_proj", "--column-block", "77", says=["77", "0 to"])
        self.refuse("rtl", cartridge, "--chip", good, "-o", "rtl", "--column-block", "1", says=["--tile"])
        self.assertFalse((self.folder / "rtl").exists())
        self.burin("rtl", cartridge, "--chip", good, "-o", "made", "-n", "1")
        self.refuse("rtl", cartridge, "--chip", good, "-o", "made", "-n", "1", says=["not empty", "--force"])
        self.burin("rtl", cartridge, "--chip", good, "-o", "made", "-n", "1", "--force")


    def test_options_of_a_checkpoint_are_not_offered(self):
        text = self.burin("rtl", "--help")
        for option in ("--bits", "--tensor-bits", "--group"):
            self.assertNotIn(option, text)

    @needs_tools("make")
    def test_a_missing_simulator_names_its_package(self):
        self.small_chip("--bits", "4", "--group", "32")
        for target, variable, package in [("sim", "VERILATOR", "verilator"), ("lint", "VERILATOR", "verilator"),
                                          ("sim-icarus", "IVERILOG", "iverilog"), ("read", "YOSYS", "yosys"),
                                          ("synth", "YOSYS", "yosys")]:
            output = self.make("rtl", target, f"{variable}=no-such-tool", code=2)
            self.assertIn(f"{package} is missing: apt-get install {package}", output)
        self.assertIn("name a liberty file", self.make("rtl", "synth", "YOSYS=true", code=2))


@unittest.skipUnless(os.environ.get("BURIN_SIMULATE") == "1", "the ctest e2e_rtl_simulation runs it")
class Simulation(RtlTest):
    @needs_tools("verilator", "iverilog", "yosys", "make")
    def test_a_small_chip_is_the_emulator_in_both_simulators(self):
        written = self.small_chip("--bits", "4", "--group", "32", "--tensor-bits", "*up_proj=6,*v_proj=3")
        self.assertEqual(self.make("rtl", "lint").strip(), "lint: clean")
        output = self.make("rtl", "sim")
        self.passed(output, 400)
        run = self.json("run", "model.burin", "--prompt-ids", "256,72,101", "-n", 6, "--temperature", 0)
        self.assertEqual(written["ids"], run["ids"])
        self.passed(self.make("rtl", "sim-icarus", "TOKENS=4"), 50)
        self.assertIn("no latches", self.make("rtl", "read"))
        # A trace of another cartridge is refused.
        trace = self.folder / "rtl" / "sim" / "trace.hex"
        lines = trace.read_text().split("\n")
        lines[2] = "00000000"
        trace.write_text("\n".join(lines))
        self.assertIn("another cartridge", self.make("rtl", "sim", code=2))
        self.assertIn("another cartridge", self.make("rtl", "sim-icarus", code=2))

    @needs_tools("verilator", "iverilog", "make")
    def test_a_tile_is_the_emulator_and_a_flipped_weight_is_found(self):
        chip = self.chip(rows=64, columns=32, columns_per_scaler=8, vector_lanes=8)
        cartridge = self.cartridge("--bits", "4", "--group", "32", "--tensor-bits", "*down_proj=6")
        # Two row blocks, and columns that are pairs of cells; the second block is not the first.
        written = self.json("rtl", cartridge, "--chip", chip, "-o", "tile", "--tile", "1.down_proj", "--column-block", 1, "-n", 3)
        self.assertEqual((written["first_column"], written["columns"], written["passes"]), (16, 16, 3))
        self.assertGreater(written["banks"], 1)
        self.assertEqual(self.make("tile", "lint").strip(), "lint: clean")
        self.passed(self.make("tile", "sim"), 3 * 16)
        self.passed(self.make("tile", "sim-icarus", "TOKENS=2"), 2 * 16)
        trace = self.folder / "tile" / "sim" / "trace.hex"
        text = trace.read_text().split("\n")
        # Collected a cycle too early the last sums are not there yet.
        trace.write_text("\n".join([*text[:17], f"{int(text[17], 16) - 1:08x}", *text[18:]]))
        self.assertRegex(self.make("tile", "sim", code=2), "FAILED token 0, column 3[01]: ")
        trace.write_text("\n".join(text))
        trace.write_text("\n".join([*text[:2], "00000000", *text[3:]]))
        self.assertIn("another cartridge", self.make("tile", "sim", code=2))
        trace.write_text("\n".join(text))
        # A flipped cell of word line 0, column 0.
        rom = re.search(r"(rom_\w+) bank0_code ", (self.folder / "tile" / "burin_tile.sv").read_text()).group(1)
        rom = self.folder / "tile" / "rom" / f"{rom}.hex"
        word = rom.read_text()
        rom.write_text(word[:31] + f"{int(word[31], 16) ^ 1:x}" + word[32:])
        self.assertIn("column 16: ", self.make("tile", "sim", code=2))


class WholeChipTest(RtlTest):
    def whole_chip(self, cartridge, *options, chip="nano", tokens=64, least=1000):
        written = self.json("rtl", cartridge, "--chip", chip, "-o", "rtl", "-n", tokens, "--force", *options)
        output = self.make("rtl", "sim")
        self.passed(output, least)
        print(f"\n{cartridge} on {chip}", *re.findall(r"^.*(?:cycles a token|all steps|tokens/s|passed).*$", output, re.MULTILINE),
              sep="\n  ", flush=True)
        return written, output


QWEN2 = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
QWEN3 = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 32}


@long_test
@needs_tools("verilator", "iverilog", "make")
class Families(WholeChipTest):
    """What Llama has not: biases of q, k, v; norms of heads of a width of their own; a head of its own or the embedding's."""

    def family(self, config, *options, **knobs):
        cartridge = self.cartridge("--group", "32", *options, checkpoint=self.checkpoint(config=config))
        chip = self.chip(rows=64, columns=32, columns_per_scaler=8, top_k=4, **knobs)
        written, output = self.whole_chip(cartridge, "--prompt-ids", "256,72,101", chip=chip, tokens=12, least=600)
        run = self.json("run", cartridge, "--prompt-ids", "256,72,101", "-n", 12, "--temperature", 0)
        self.assertEqual(written["ids"][:len(run["ids"])], run["ids"])
        self.assertEqual(self.make("rtl", "lint").strip(), "lint: clean")
        self.passed(self.make("rtl", "sim-icarus", "TOKENS=3"), 50)
        return output

    def test_biases_of_qwen2_with_a_tied_head(self):
        self.family({**QWEN2, "tie_word_embeddings": True}, "--bits", "4", vector_lanes=8)

    def test_biases_of_qwen2_with_a_head_of_its_own_at_six_bits(self):
        self.family(QWEN2, "--bits", "3", "--tensor-bits", "lm_head=6,*k_proj=6", vector_lanes=16)

    def test_head_norms_of_qwen3_in_words_of_a_quarter_head(self):
        output = self.family(QWEN3, "--bits", "4", vector_lanes=8, attention_heads=2)
        self.assertIn("HEAD_NORM", output)

    def test_head_norms_of_qwen3_with_two_heads_in_a_word_and_a_tied_head(self):
        output = self.family({**QWEN3, "head_dim": 8, "tie_word_embeddings": True}, "--bits", "6", vector_lanes=16)
        self.assertIn("HEAD_NORM", output)


@long_test
@needs_tools("verilator", "iverilog", "yosys", "make")
class RealModels(WholeChipTest):
    @needs_shared
    def test_stories_equals_the_emulator_in_three_widths(self):
        for bits in (["--bits", "3"], ["--bits", "4"], ["--bits", "3", "--tensor-bits", "*down_proj=6,model.embed_tokens=6"]):
            self.burin("engrave", STORIES, "-o", "s.burin", "--force", *bits)
            written, _ = self.whole_chip("s.burin")
            run = self.json("run", "s.burin", "-p", "Once upon a time", "-n", 64, "--temperature", 0)
            self.assertEqual(written["ids"][:len(run["ids"])], run["ids"])
            self.passed(self.make("rtl", "sim-icarus", "TOKENS=2"), 50)
        self.assertIn("no latches", self.make("rtl", "read"))
        mutations = self.make("rtl", "mutate")
        self.assertNotIn("MISSED", mutations)
        self.passed(mutations, 11)

    @needs_hearth
    def test_the_bundled_model_with_and_without_an_adapter(self):
        self.burin("engrave", HEARTH, "-o", "h.burin", "--bits", "4", "--calibration", HEARTH / "calibration.txt")
        plain, _ = self.whole_chip("h.burin", tokens=32)
        adapted, output = self.whole_chip("h.burin", "--adapter", HEARTH / "adapters" / "innkeeper", tokens=32)
        self.assertIn("bytes loaded", output)
        self.assertNotEqual(plain["ids"], adapted["ids"])

    @needs_shared
    def test_cycles_of_six_chips_are_those_of_the_timing_model(self):
        self.burin("engrave", STORIES, "-o", "s.burin", "--bits", "3", "--group", "32", "--tensor-bits", "*down_proj=6")
        for number, knobs in enumerate([
                {"rows": 64, "columns": 32, "columns_per_scaler": 8, "vector_lanes": 8},
                {"rows": 128, "fold": 2}, {"rows": 256, "fold": 4, "columns_per_scaler": 32},
                {"rows": 64, "columns": 128, "fold": 3, "head_lanes": 4, "vector_lanes": 32}, {"rows": 32},
                {"rows": 96, "columns": 96, "fold": 2, "columns_per_scaler": 8, "head_lanes": 2}]):
            with self.subTest(**knobs):
                # The prompt has 5 tokens, and the last one written is not run: contexts 1 to 256.
                tokens = 252 if number == 0 else 16
                print(knobs)
                _, output = self.whole_chip("s.burin", chip=self.chip(f"chip{number}", **knobs), tokens=tokens)
                cycles, model = re.search(r"all steps +\d+ +(\d+) +(\d+)$", output, re.MULTILINE).groups()
                self.assertEqual(cycles, model)


if __name__ == "__main__":
    unittest.main()
