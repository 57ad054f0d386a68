#!/usr/bin/env bash
# Which Python versions and systems a wheel of facealign can be installed on: asks the package index whether every
# dependency has a wheel there. Nothing is installed.
#     scripts/check_platforms.sh dist/facealign-0.2.0-py3-none-any.whl
set -euo pipefail
wheel=$1
declare -A systems=(  # name → the tags of wheels that pip takes there
  ["Linux x86-64 (glibc)"]="manylinux_2_28_x86_64 manylinux_2_27_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64"
  ["Linux ARM64 (glibc)"]="manylinux_2_28_aarch64 manylinux_2_27_aarch64 manylinux_2_17_aarch64 manylinux2014_aarch64"
  ["Alpine (musl)"]="musllinux_1_2_x86_64"
  ["macOS, Apple silicon"]="macosx_14_0_arm64 macosx_13_0_arm64 macosx_12_0_arm64 macosx_11_0_arm64"
  ["macOS, Intel"]="macosx_14_0_x86_64 macosx_13_0_x86_64 macosx_11_0_x86_64 macosx_10_13_x86_64 macosx_10_9_x86_64"
  ["Windows x86-64"]="win_amd64"
  ["Windows ARM64"]="win_arm64"
)
echo "| system | Python | ONNX Runtime |"
echo "|---|---|---|"
for system in "${!systems[@]}"; do
  for python in 3.11 3.12 3.13 3.14; do
    tags=()
    for tag in ${systems[$system]}; do tags+=(--platform "$tag"); done
    answer=$(python -m pip install --dry-run --ignore-installed --target "${TMPDIR:-/tmp}/nowhere" \
      --only-binary=:all: --python-version "$python" "${tags[@]}" "$wheel" 2>&1) || true
    version=$(grep "Would install" <<< "$answer" | grep -o "onnxruntime-[0-9.]*[0-9]" | cut -d- -f2) || true
    echo "| $system | $python | ${version:-no wheel} |"
  done
done | sort
