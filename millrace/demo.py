"""The sample broadcast: a bundled recording, pushed over RTMP in a loop as any streamer would."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import infra.local
from infra.local.layout import Layout
from infra.local.process import Program
from infra.settings import TranscodeSettings
from millrace import channels

CLIP: Final = Path(infra.local.__file__).parent / "demo" / "big_buck_bunny_480p.mp4"
SAMPLE: Final = "demo"
"""The channel that the clip is pushed to."""
YOURS: Final = "yours"
"""A channel with a key for the person at the machine: a channel takes one publisher at a time.

Both are partners: their pictures come in every size."""


async def prepare(layout: Layout, bootstrap: str) -> Program:
    """Make both channels, and say how the clip is pushed. Raises Unavailable."""
    pool = TranscodeSettings().pool
    await asyncio.gather(
        channels.ensure(
            *(bootstrap, SAMPLE, channels.kept_key(layout, SAMPLE)),
            title="Big Buck Bunny, in a loop",
            category="Film",
        ),
        channels.ensure(
            *(bootstrap, YOURS, channels.kept_key(layout, YOURS)), title="Your own broadcast"
        ),
        *(channels.set_tier(bootstrap, pool, name, "partner") for name in (SAMPLE, YOURS)),
    )
    return Program(
        name="demo",
        title="Sample broadcast",
        argv=(sys.executable, "-m", "millrace", "publish", str(CLIP), "--channel", SAMPLE),
        environment={"MILLRACE_DATA": str(layout.data)},
    )
