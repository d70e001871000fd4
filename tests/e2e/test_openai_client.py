"""The official openai client (npm) against burin serve: tests/serve/conformance.mjs, whose report is docs/conformance.md.

npm packages are installed below the build folder. Without npm, node or a registry the test is skipped with a word.
BURIN_UPDATE_GOLDEN=1 rewrites the report.
"""
import json
import os
import shutil
import subprocess
import unittest

from harness import BurinTest, HEARTH, SOURCE, needs_hearth
from npm_packages import install
from server import Server

REPORT = SOURCE / "docs" / "conformance.md"
# The bundled model's template with tools, calls and results in the shape that Qwen and Hermes have.
TOOL_TEMPLATE = """{{ bos_token }}{% if tools %}<|system|>{% for tool in tools %}{{ tool.function | tojson }}
{% endfor %}<|end|>{% endif %}{% for message in messages %}{% if message.role == 'tool' %}<|user|><tool_response>
{{ message.content }}
</tool_response>{% else %}<|{{ message.role }}|>{{ message.content or '' }}{% for call in message.tool_calls or [] %}
<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"""


@needs_hearth
class OpenAiClientTest(BurinTest):
    def cartridge_with_tools(self):
        folder = self.folder / "with-tools"
        shutil.copytree(HEARTH, folder, ignore=shutil.ignore_patterns("adapters"))
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text())
        config["chat_template"] = TOOL_TEMPLATE
        path.write_text(json.dumps(config))
        self.burin("engrave", folder, "-o", self.folder / "with-tools.burin", "--bits", "4", "--no-calibration")
        return self.folder / "with-tools.burin"

    def test_conformance(self):
        modules, missing = install("serve")
        if missing:
            self.skipTest(missing)
        cartridge = self.folder / "hearth.burin"
        self.burin("engrave", HEARTH, "-o", cartridge, "--bits", "4", "--calibration", HEARTH / "calibration.txt")
        report = self.folder / "conformance.md"
        with Server(cartridge) as server, Server(self.cartridge_with_tools(), "--name", "hearth") as with_tools:
            done = subprocess.run(["node", SOURCE / "tests" / "serve" / "conformance.mjs", server.url, with_tools.url,
                                   modules, report], capture_output=True, text=True, timeout=300, check=False)
        print(done.stdout, done.stderr, flush=True)
        self.assertEqual(done.returncode, 0)
        if os.environ.get("BURIN_UPDATE_GOLDEN"):
            shutil.copy(report, REPORT)
        self.assertEqual(report.read_text(), REPORT.read_text())


if __name__ == "__main__":
    unittest.main()
