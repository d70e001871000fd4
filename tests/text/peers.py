"""The other implementations: npm packages below the build folder, run by node; and the probe, which is ours."""
import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("BURIN_SOURCE", HERE.parents[1]))
SHARED = SOURCE.parent / "shared" / "data"
HEARTH = SOURCE / "models" / "hearth"
PROBE = os.environ.get("TEXT_PROBE", "text_probe")
NPM_FOLDER = pathlib.Path(os.environ.get("NPM_FOLDER", SOURCE / "build" / "npm-text"))
PACKAGES = ("@huggingface/jinja@0.5.11", "ajv@8.20.0", "ajv-formats@3.0.1")


def exchange(command, requests, timeout=240):
    """Gives each request as a line of JSON and returns the answers."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, timeout=timeout, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def probe(requests, tokenizer=HEARTH):
    return exchange([PROBE, str(tokenizer)], requests)


def missing_npm():
    """Installs PACKAGES; returns why that cannot be, or nothing."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "skipped: no node and npm"
    stamp = NPM_FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == str(PACKAGES):
        return ""
    NPM_FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "install", "--prefix", str(NPM_FOLDER), "--no-audit", "--no-fund", "--no-package-lock",
                           "--loglevel=error", *PACKAGES], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return "skipped: npm cannot install " + " ".join(PACKAGES)
    stamp.write_text(str(PACKAGES))
    return ""


def node(script, requests):
    environment_path = NPM_FOLDER / "node_modules"
    return exchange(["node", str(HERE / script), str(environment_path)], requests)
