#!/usr/bin/env bash
# The float reference against llama.cpp (a prebuilt current one from npm): token ids and greedy text on the stories260K GGUF.
# Takes a minute; not part of ./check, since it downloads about 100 MB. Needs node, npm and ../shared.
set -euo pipefail
cd "$(dirname "$0")/.."
model=../shared/data/stories260K/original/stories260K.gguf
[[ -f $model ]] || { echo "skipped: no ../shared"; exit 0; }
peer=${PEER_FOLDER:-$PWD/build/peer}
if [[ ! -d $peer/node_modules/node-llama-cpp ]]; then
  mkdir -p "$peer"
  npm install --prefix "$peer" --no-audit --no-fund --loglevel=error node-llama-cpp >/dev/null
fi
PEER_FOLDER=$peer node tests/peer/llama_cpp_greedy.mjs build/release/burin "$model" 120 \
  "Once upon a time" "The little dog was" "Lily and Ben" "One day, a girl named Sue found a big red ball."
