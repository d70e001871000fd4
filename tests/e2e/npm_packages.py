"""npm packages of a test, installed once below the build folder."""
import pathlib
import shutil
import subprocess

from harness import BURIN, SOURCE


def install(name):
    """(folder, None), or (None, why the packages of tests/NAME/package.json are not there)."""
    package = SOURCE / "tests" / name / "package.json"
    # One folder for all builds of the tree: release, asan, ...
    folder = pathlib.Path(BURIN).resolve().parent.parent / f"npm-{name}"
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "no node or npm"
    done = folder / "installed.json"
    if done.is_file() and done.read_bytes() == package.read_bytes():
        return folder, None
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(package, folder / "package.json")
    try:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True,
                       capture_output=True, timeout=180)
    except (subprocess.SubprocessError, OSError) as error:
        return None, f"npm install failed: {error}"
    shutil.copy(package, done)
    return folder, None
