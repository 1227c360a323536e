"""The servers that are compared, one small class each: start, where to publish, what to watch."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from infra.local.ports import free_ports

PARTS = 0.1
"""Seconds a part lasts, the same for both low-latency servers."""


class Backend(Protocol):
    """A server under measurement."""

    name: str
    missing: str
    """Why it cannot be measured here; empty if it can."""
    players: tuple[str, ...]
    """Who watches it: `page` (its own), `hls.js` (at its best settings), `steered` (by us)."""

    def start(self) -> None:
        """Start it. Its addresses are known from then on."""

    def stop(self) -> None:
        """Stop it; nothing stays behind."""

    rtmp_url: str
    watch_url: str
    """A page, or the playlist for players that are not its own."""


class Ours:
    """Millrace, already running: the page that viewers use, and an RTMP URL with a valid key."""

    name, missing, players = "Millrace", "", ("page",)

    def __init__(self, page: str, rtmp: str) -> None:
        self.watch_url, self.rtmp_url = page, rtmp
        if not (page and rtmp):
            self.missing = "give --page and --rtmp of a running stack"

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        """It was not started here."""


class _Child:
    """A server that is a child process with a folder of its own."""

    name = ""
    missing = ""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="glass-")
        self.folder = Path(self._folder.name)

    def launch(self, command: list[str], ports: list[int]) -> None:
        """Start a command and wait until its ports accept."""
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        for port in ports:
            self._await_port(port)

    def _await_port(self, port: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 20
        while self._process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(
            f"{self.name} did not start:\n{(self.folder / 'log').read_text()[-2000:]}"
        )

    def stop(self) -> None:
        """End the process and forget its folder."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()


class Rig(_Child):
    """Millrace's ingest, packager, origin and page in one process, without the log between them."""

    name, players = "Millrace without the log", ("page",)

    def start(self) -> None:
        """Start the rig of the browser tests."""
        gateway, origin, rtmp = free_ports(3)
        command = [sys.executable, "-m", "tests.e2e.rig", "--part", str(PARTS)]
        command += ["--gateway", str(gateway), "--origin", str(origin), "--rtmp", str(rtmp)]
        self.launch(command, [gateway, origin, rtmp])
        self.rtmp_url = f"rtmp://127.0.0.1:{rtmp}/live/glass"
        self.watch_url = f"http://127.0.0.1:{gateway}/c/glass"


class MediaMtx(_Child):
    """MediaMTX (binary named by MEDIAMTX), low-latency HLS, at its best settings."""

    name, players = "MediaMTX", ("hls.js", "steered")

    def __init__(self) -> None:
        super().__init__()
        self._binary = os.environ.get("MEDIAMTX", "")
        self.missing = "" if self._binary else "MEDIAMTX does not name its binary"

    def start(self) -> None:
        """Start it with nothing but RTMP in and low-latency HLS out."""
        rtmp, hls = free_ports(2)
        settings = {
            "logLevel": "warn",
            "rtsp": "no",
            "webrtc": "no",
            "srt": "no",
            "rtmpAddress": f"127.0.0.1:{rtmp}",
            "hlsAddress": f"127.0.0.1:{hls}",
            "hlsVariant": "lowLatency",
            "hlsAlwaysRemux": "yes",  # else the first viewer waits for the muxer to start
            "hlsPartDuration": f"{round(PARTS * 1000)}ms",
            "hlsSegmentDuration": "2s",
        }
        lines = [f"{name}: {value}" for name, value in settings.items()]
        configuration = self.folder / "mediamtx.yml"
        configuration.write_text("\n".join([*lines, "paths:", "  all_others:", ""]))
        self.launch([self._binary, str(configuration)], [rtmp, hls])
        self.rtmp_url = f"rtmp://127.0.0.1:{rtmp}/glass"
        self.watch_url = f"http://127.0.0.1:{hls}/glass/index.m3u8"


class NginxRtmp(_Child):
    """nginx with its RTMP module: plain HLS, two-second segments."""

    name, players = "nginx-rtmp, plain HLS", ("hls.js",)

    def __init__(self) -> None:
        super().__init__()
        self._binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") or ""
        modules = (Path("/usr/lib/nginx/modules"), Path("/usr/share/nginx/modules"))
        found = [path for folder in modules for path in folder.glob("ngx_rtmp_module.so")]
        self._module = found[0] if found else None
        if not (self._binary and self._module):
            self.missing = "Debian's libnginx-mod-rtmp is not installed"

    def start(self) -> None:
        """Start it with one RTMP application and its playlists over HTTP."""
        rtmp, http = free_ports(2)
        (self.folder / "hls").mkdir()
        configuration = self.folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(
            f"""load_module {self._module}; {user} daemon off; pid {self.folder}/pid;
            error_log {self.folder}/error.log; events {{}}
            rtmp {{ server {{ listen 127.0.0.1:{rtmp}; application live {{
                live on; hls on; hls_path {self.folder}/hls; hls_fragment 2s;
                hls_playlist_length 20s; }} }} }}
            http {{ access_log off; types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
                server {{ listen 127.0.0.1:{http}; root {self.folder}/hls;
                add_header Access-Control-Allow-Origin *; add_header Cache-Control no-cache; }} }}
            """
        )
        self.launch([self._binary, "-c", str(configuration), "-p", str(self.folder)], [rtmp, http])
        self.rtmp_url = f"rtmp://127.0.0.1:{rtmp}/live/glass"
        self.watch_url = f"http://127.0.0.1:{http}/glass.m3u8"
