#!/usr/bin/env python3
"""scripts/check_layering.py passes this tree and names what is planted in a copy of it. usage: layering_test.py ROOT"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()


class Layering(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "src", self.tree / "src")
        (self.tree / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "architecture.md", self.tree / "docs")

    def check(self):
        script = ROOT / "scripts" / "check_layering.py"
        run = subprocess.run([sys.executable, script, self.tree], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def plant(self, path, text):
        target = self.tree / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)

    def expect(self, finding):
        code, output = self.check()
        self.assertEqual(code, 1, output)
        self.assertIn(finding, output)

    def test_the_tree_as_it_is_passes(self):
        self.assertEqual(self.check(), (0, ""))

    def test_a_forbidden_include_is_named_with_file_line_and_edge(self):
        self.plant("src/base/planted.h", "#pragma once\n\n#include \"numeric/fixed.h\"\n")
        self.expect("src/base/planted.h:3: base -> numeric: outside the DEPS of base")

    def test_an_include_of_an_unknown_module_is_named(self):
        self.plant("src/base/planted.cc", '#include "nonsense/x.h"\n')
        self.expect("src/base/planted.cc:1: base -> nonsense:")

    def test_an_include_without_its_module_is_named(self):
        self.plant("src/base/planted.cc", '#include "check.h"\n')
        self.expect("src/base/planted.cc:1: base -> check.h:")

    def test_a_folder_outside_the_table_is_named(self):
        self.plant("src/extra/x.h", "#pragma once\n")
        self.expect("src/extra/x.h:1: extra: not in the table")

    def test_a_declared_edge_outside_the_table_is_named(self):
        self.plant("src/base/CMakeLists.txt", "burin_module(base\n  SOURCES check.cc\n  DEPS numeric)\n")
        self.expect("src/base/CMakeLists.txt:1: base -> numeric: DEPS outside the table")

    def test_a_declared_cycle_is_named(self):
        self.plant("src/base/CMakeLists.txt", "burin_module(base DEPS numeric)\n")
        self.expect("src/base/CMakeLists.txt:1: base -> base: cycle")

    def test_a_cycle_in_the_table_is_named(self):
        doc = self.tree / "docs" / "architecture.md"
        doc.write_text("## Modules\n| `base` | x | `numeric` |\n| `numeric` | y | `base` |\n")
        self.expect("docs/architecture.md: base -> base: cycle")


if __name__ == "__main__":
    unittest.main()
