#!/usr/bin/env python3
"""scripts/check_type_names.py passes this tree and names what is planted beside a copy of it. usage: type_names_test.py ROOT"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()


class TypeNames(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "src" / "base", self.tree / "src" / "base")

    def check(self, root):
        run = subprocess.run([sys.executable, ROOT / "scripts" / "check_type_names.py", root], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def plant(self, text):
        (self.tree / "src" / "base" / "planted.cc").write_text(text)
        return self.check(self.tree)

    def test_the_tree_as_it_is_passes(self):
        code, output = self.check(ROOT)
        self.assertEqual(code, 0, output)

    def test_a_second_type_of_one_name_is_found(self):
        for text in ("class ThreadPool {};", "struct ThreadPool final : Base {\n};", "enum class ThreadPool { kA };"):
            code, output = self.plant(f"namespace burin {{\n{text}\n}}  // namespace burin\n")
            self.assertEqual(code, 1, output)
            self.assertIn("burin::ThreadPool: also defined at src/base/", output)

    def test_names_of_an_unnamed_namespace_or_another_are_their_own(self):
        for scope in ("namespace burin {\nnamespace {", "namespace burin::other {\nnamespace inner {"):
            code, output = self.plant(f"{scope}\nclass ThreadPool {{}};\n}}  // namespace\n}}  // namespace burin\n")
            self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()
