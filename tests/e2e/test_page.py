"""The page in Chromium (tests/page/page.mjs) against the bundled model with its adapters."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import BurinTest, HEARTH, SOURCE, needs_hearth
from npm_packages import install
from server import Server

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@needs_hearth
class PageTest(BurinTest):
    def test_page(self):
        if not pathlib.Path(CHROMIUM).exists():
            self.skipTest("no chromium")
        if not (SOURCE / "web" / "dist" / "index.html").exists():
            self.skipTest("the page was not built: scripts/build-page.sh")
        modules, missing = install("page")
        if missing:
            self.skipTest(missing)
        cartridge = self.folder / "hearth.burin"
        self.burin("engrave", HEARTH, "-o", cartridge, "--bits", "4", "--calibration", HEARTH / "calibration.txt")
        adapters = [f"--adapter={name}={HEARTH / 'adapters' / name}" for name in ("innkeeper", "orders", "spoken")]
        pictures = pathlib.Path(os.environ.get("BURIN_PICTURES", self.folder))
        # nano has room for the positions of one text and for two adapters; this one has 64 times that.
        chip = self.folder / "nano-64.toml"
        nano = (SOURCE / "data" / "chips" / "nano.toml").read_text()
        chip.write_text(re.sub(r"(kv|adapter)_bytes = (\d+)", lambda m: f"{m[1]}_bytes = {64 * int(m[2])}", nano))
        with Server(cartridge, "--chip", chip, *adapters) as server:
            done = subprocess.run(["node", SOURCE / "tests" / "page" / "page.mjs", server.url, modules, pictures],
                                  capture_output=True, text=True, timeout=600, check=False)
        print(done.stdout, done.stderr, flush=True)
        if done.returncode and (pictures / "failure.png").exists():
            shutil.copy(pictures / "failure.png", SOURCE / "build" / "page-failure.png")
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
