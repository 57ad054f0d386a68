#!/usr/bin/env bash
# Fetch the three files of onnxruntime-web that the page carries: scripts/fetch_onnxruntime_web.sh [VERSION]
set -euo pipefail
version="${1:-1.30.0}"
target="$(cd "$(dirname "$0")/.." && pwd)/src/facealign/web/static/ort"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "onnxruntime-web@$version" > /dev/null
tar -xzf onnxruntime-web-*.tgz
cp package/dist/ort.wasm.min.mjs package/dist/ort-wasm-simd-threaded.mjs "$target/"
gzip -9 -n -c package/dist/ort-wasm-simd-threaded.wasm > "$target/ort-wasm-simd-threaded.wasm.gz"
ls -l "$target"
