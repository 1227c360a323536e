"""Finds the Java that the servers need."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from infra.errors import ConfigurationError

VERSION: Final = 17
"""Cassandra 5 runs on Java 11 and 17, Kafka 4 on 17 and later."""
INSTALL: Final = "apt-get install -y --no-install-recommends openjdk-17-jre-headless"


def java_version(java: Path) -> int | None:
    """The feature version of a `java` program, or None if it does not say one."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else None


def find_java() -> Path:
    """A `java` of the right version: JAVA_HOME, then PATH, then Debian's folder of Javas.

    Raises ConfigurationError, which tells what was found and what to install.
    """
    seen = []
    for java in _candidates():
        version = java_version(java)
        if version == VERSION:
            return java
        seen.append(f"{java} is version {version or 'unknown'}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise ConfigurationError(f"Java {VERSION} is missing{found}: {INSTALL}")


def _candidates() -> list[Path]:
    homes = [os.environ["JAVA_HOME"]] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    found = [Path(home) / "bin/java" for home in homes]
    found += [Path(on_path)] if on_path else []
    found += sorted(Path("/usr/lib/jvm").glob(f"*{VERSION}*/bin/java"))
    return [java for java in dict.fromkeys(found) if java.exists()]
