#!/bin/sh
# Install what a lock names, by its hashes alone, into /opt/venv; list what it holds as a bill of materials (CycloneDX) and
# with its licences in /opt/sbom.
#
#     sh install.sh steps-cpu
set -eu
/opt/build/bin/uv pip install --python /opt/venv --require-hashes --no-deps --requirement "/opt/locks/$1.txt"
mkdir -p /opt/sbom
/opt/build/bin/cyclonedx-py environment --output-reproducible --output-format JSON --output-file /opt/sbom/sbom.cdx.json /opt/venv/bin/python
/opt/build/bin/pip-licenses --python /opt/venv/bin/python --with-urls --format json --output-file /opt/sbom/licences.json
