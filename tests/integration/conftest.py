"""What is collected here: tests of other people's programs where these are."""

import os

collect_ignore = [] if os.environ.get("MEDIAMTX") else ["test_mediamtx.py"]
