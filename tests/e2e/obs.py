"""OBS Studio without a screen: a profile, a scene with a colour and a tone, and a start."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_GLOBAL = """[General]
FirstRun=true
Pre19Defaults=false
Pre21Defaults=false
Pre23Defaults=false
Pre24.1Defaults=false
LastVersion=486539264

[Basic]
Profile=Millrace
ProfileDir=Millrace
SceneCollection=Millrace
SceneCollectionFile=Millrace
ConfigOnNewProfile=false
"""
_BASIC = """[General]
Name=Millrace

[Output]
Mode=Simple

[SimpleOutput]
VBitrate=1500
ABitrate=128
StreamEncoder=x264
Preset=ultrafast
UseAdvanced=true
x264Settings=keyint=60

[Video]
BaseCX=640
BaseCY=360
OutputCX=640
OutputCY=360
FPSType=0
FPSCommon=30
"""


def _scene() -> dict[str, object]:
    colour = {
        "id": "color_source_v3",
        "name": "Colour",
        "settings": {"color": 4290772992, "width": 640, "height": 360},
        "enabled": True,
        "mixers": 0,
    }
    item = {
        "name": "Colour",
        "id": 1,
        "visible": True,
        "pos": {"x": 0.0, "y": 0.0},
        "scale": {"x": 1.0, "y": 1.0},
        "bounds": {"x": 0.0, "y": 0.0},
        "bounds_type": 0,
        "rot": 0.0,
        "align": 5,
    }
    scene = {"id": "scene", "name": "Scene", "settings": {"id_counter": 1, "items": [item]}}
    return {
        "name": "Millrace",
        "current_scene": "Scene",
        "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}],
        "sources": [colour, scene],
    }


@contextmanager
def obs_publishing(home: Path, server: str, key: str) -> Iterator["subprocess.Popen[bytes]"]:
    """OBS pushes to `server` with `key` while the context is open; it logs to `home/obs.log`."""
    config = home / ".config" / "obs-studio"
    profile = config / "basic" / "profiles" / "Millrace"
    scenes = config / "basic" / "scenes"
    profile.mkdir(parents=True)
    scenes.mkdir(parents=True)
    (config / "global.ini").write_text(_GLOBAL)
    (profile / "basic.ini").write_text(_BASIC)
    service = {"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": False}}
    (profile / "service.json").write_text(json.dumps(service))
    (scenes / "Millrace.json").write_text(json.dumps(_scene()))
    xvfb, obs = shutil.which("xvfb-run"), shutil.which("obs")
    assert xvfb, "xvfb-run is missing: apt-get install xvfb"
    assert obs, "obs is missing: apt-get install obs-studio"
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "XDG_RUNTIME_DIR": str(home),
        "QT_QPA_PLATFORM": "xcb",
    }
    command = [
        xvfb, "-a", "-s", "-screen 0 1280x720x24", obs,
        "--startstreaming", "--multi", "--minimize-to-tray", "--disable-updater",
        "--profile", "Millrace", "--collection", "Millrace",
    ]  # fmt: skip
    with (home / "obs.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
