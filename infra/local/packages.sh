#!/bin/sh
# Installs the Debian packages that are missing: packages.sh run|test.
# As root it installs them; otherwise it says what to type.
set -eu

missing=""
need() { # command, package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
ls -d /usr/lib/jvm/*17* >/dev/null 2>&1 || missing="$missing openjdk-17-jre-headless"
need mvn maven
need redis-server redis-server
need ffmpeg ffmpeg
need git git
if [ "${1:-run}" = test ]; then
    need chromium chromium
    need xvfb-run "xvfb xauth"
    need obs obs-studio
fi

[ -n "$missing" ] || exit 0
install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ]; then
    echo "Missing packages. Type this, then try again:" >&2
    echo "    sudo $install" >&2
    exit 1
fi
echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Debian starts a Redis of its own after installing one; ours has its own port and folder.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy" "$log"' EXIT
fi
if ! { apt-get update -q && $install; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
