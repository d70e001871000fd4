"""The official openai client (npm) against burin serve: tests/serve/conformance.mjs, whose report is docs/conformance.md.

npm packages are installed below the build folder. Without npm, node or a registry the test is skipped with a word.
BURIN_UPDATE_GOLDEN=1 rewrites the report.
"""
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BURIN, BurinTest, HEARTH, SOURCE, needs_hearth
from server import Server

PACKAGE = SOURCE / "tests" / "serve" / "package.json"
REPORT = SOURCE / "docs" / "conformance.md"
# One folder for all builds of the tree: release, asan, ...
MODULES = pathlib.Path(BURIN).resolve().parent.parent / "npm-serve"


def install():
    """None, or why the packages are not there."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node or npm"
    done = MODULES / "package.json"
    if done.is_file() and done.read_bytes() == PACKAGE.read_bytes() and (MODULES / "node_modules" / "openai").is_dir():
        return None
    MODULES.mkdir(parents=True, exist_ok=True)
    shutil.copy(PACKAGE, MODULES / "package.json")
    try:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=MODULES, check=True,
                       capture_output=True, timeout=180)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(MODULES / "node_modules", ignore_errors=True)
        return f"npm install failed: {error}"
    return None


@needs_hearth
class OpenAiClientTest(BurinTest):
    def test_conformance(self):
        missing = install()
        if missing:
            self.skipTest(missing)
        cartridge = self.folder / "hearth.burin"
        self.burin("engrave", HEARTH, "-o", cartridge, "--bits", "4", "--calibration", HEARTH / "calibration.txt")
        report = self.folder / "conformance.md"
        with Server(cartridge) as server:
            done = subprocess.run(["node", SOURCE / "tests" / "serve" / "conformance.mjs", server.url, MODULES, report],
                                  capture_output=True, text=True, timeout=300, check=False)
        print(done.stdout, done.stderr, flush=True)
        self.assertEqual(done.returncode, 0)
        if os.environ.get("BURIN_UPDATE_GOLDEN"):
            shutil.copy(report, REPORT)
        self.assertEqual(report.read_text(), REPORT.read_text())


if __name__ == "__main__":
    unittest.main()
