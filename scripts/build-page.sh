#!/usr/bin/env bash
# Builds the chat page, web/dist/index.html, which the next build puts into the program. Needs node, npm and its registry;
# without them it says so and the program serves a plain page. Nothing is done when the page is newer than its sources.
set -euo pipefail
cd "$(dirname "$0")/../web"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "build-page: no node or npm; burin serve will show a plain page"
  exit
fi
page=dist/index.html
if [[ -f $page && -z $(find . -path ./node_modules -prune -o -path ./dist -prune -o -type f -newer "$page" -print -quit) ]]; then
  exit
fi
if ! npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1; then
  tail -n 3 npm.log
  echo "build-page: npm cannot fetch the page's packages; burin serve will show a plain page"
  exit
fi
node build.mjs
