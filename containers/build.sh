#!/bin/sh
# Build images, by default those that need no GPU. Further words for Docker stand in BUILD_OPTIONS.
#
#     sh containers/build.sh
#     sh containers/build.sh fine-tune
#     BUILD_OPTIONS="--build-arg BASE_IMAGE=registry.company/python:3.11" sh containers/build.sh steps
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
code=$(.venv/bin/python -m agile_classifier.ops.project)
for target in ${*:-steps serving tracking}; do
  docker build --file containers/Dockerfile --target "$target" --tag "agile-classifier/$target:$version" \
    --build-arg VERSION="$version" --build-arg CODE="$code" \
    --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" ${BUILD_OPTIONS:-} .
done
docker images --filter reference='agile-classifier/*'
