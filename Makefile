# The commands of the project. `make run` and `make test` do all set-up themselves; both need Python 3.11 to 3.13
# (make PYTHON=python3.13 run) and a package index.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: run test faults test-containers test-ui test-label-studio test-spark test-buckets pictures check docs bench images lock clean help
.DEFAULT_GOAL := help

help:                 ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

run: $(STAMP)         ## train, evaluate, register and promote the quickstart
	@$(BIN)/agile train configs/quickstart.yaml

test: check           ## lint, types, architecture, all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

faults: $(STAMP)      ## a kill, an error, a full disk at every effect, and the same command again (long); the table goes to faults.md
	FAULTS_TABLE=faults.md $(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow or faults" tests/faults

check: $(STAMP)       ## lint, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)        ## the manual, into site/; open site/index.html
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --strict --quiet

images: $(STAMP)      ## build the images that need no GPU (docs/how-to/containers.md)
	sh containers/build.sh

test-containers: $(STAMP)  ## build the images and run the pipeline in them, a container a step (SHORT=1: on fewer rows)
	$(BIN)/python -m pytest -m containers tests/containers

test-ui: $(STAMP)     ## train the quickstart, and look at every page in a browser (Chromium of this machine, else playwright's)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,ui]'
	@command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/playwright install --with-deps chromium
	$(BIN)/python -m pytest -m browser tests/browser

LABEL_STUDIO_VERSION = 1.23.2
LABEL_STUDIO_HOME ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/agile-classifier/label-studio-$(LABEL_STUDIO_VERSION)

$(LABEL_STUDIO_HOME)/bin/label-studio:
	$(PYTHON) -m venv $(LABEL_STUDIO_HOME)
	$(LABEL_STUDIO_HOME)/bin/python -m pip install --quiet --disable-pip-version-check label-studio==$(LABEL_STUDIO_VERSION)

test-label-studio: $(STAMP) $(LABEL_STUDIO_HOME)/bin/label-studio  ## a real Label Studio in an environment of its own: push, annotate in a browser, pull, retrain
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,ui]'
	@command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/playwright install --with-deps chromium
	LABEL_STUDIO=$(LABEL_STUDIO_HOME)/bin/label-studio $(BIN)/python -m pytest -m label_studio tests/label_studio

SPARK_VERSION = 4.3.0
SPARK_SITE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/agile-classifier/pyspark-$(SPARK_VERSION)

$(SPARK_SITE)/pyspark/version.py:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(SPARK_SITE) pyspark==$(SPARK_VERSION)

test-spark: $(STAMP) $(SPARK_SITE)/pyspark/version.py  ## versions as functions of a real local Spark (PySpark in a folder of its own, Java of this machine)
	PYTHONPATH=$(SPARK_SITE) $(BIN)/python -m pytest -m spark tests/ops/registry/test_spark_udf.py

AZURITE_VERSION = 3.35.0
GCP_STORAGE_EMULATOR_VERSION = 2026.7.19
BUCKETS_SITE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/agile-classifier/buckets-$(AZURITE_VERSION)-$(GCP_STORAGE_EMULATOR_VERSION)

$(BUCKETS_SITE)/.installed: constraints.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --target $(BUCKETS_SITE) --constraint constraints.txt \
	  gcp-storage-emulator==$(GCP_STORAGE_EMULATOR_VERSION) gcsfs adlfs
	npm install --silent --no-audit --no-fund --prefix $(BUCKETS_SITE) azurite@$(AZURITE_VERSION)
	@touch $@

test-buckets: $(STAMP) $(BUCKETS_SITE)/.installed  ## sources and parts in S3, Google Cloud Storage and Azure Blob, emulated (emulators and drivers of pinned versions in a folder of their own; npm of this machine)
	PYTHONPATH=$(BUCKETS_SITE) AZURITE=$(BUCKETS_SITE)/node_modules/.bin/azurite-blob \
	  $(BIN)/python -m pytest -m "buckets or not slow" tests/data/fetch/test_buckets.py tests/ops/scoring/parts

pictures: export PICTURES = 1
pictures: test-ui     ## the same, and keep what is seen as the manual's pictures

bench: $(STAMP)       ## every benchmark, with its targets (long)
	$(BIN)/python -m benchmarks

WHEELS ?= containers/wheels
RESOLVE = $(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11
HASHED = $(RESOLVE) --constraint constraints.txt --generate-hashes

lock: $(STAMP)        ## resolve anew: constraints.txt and the images' locks (WHEELS: a folder with torch's CPU build)
	$(RESOLVE) --extra dev --extra ui --extra az --extra gs --find-links $(WHEELS) --output-file constraints.txt pyproject.toml
	sed -i 's/+cpu$$//' constraints.txt
	$(HASHED) --extra cluster --find-links $(WHEELS) --output-file containers/locks/steps-cpu.txt pyproject.toml
	$(HASHED) --extra cluster --output-file containers/locks/steps-cuda.txt pyproject.toml
	$(HASHED) --find-links $(WHEELS) --output-file containers/locks/serving.txt containers/locks/serving.in
	$(HASHED) --output-file containers/locks/tracking.txt containers/locks/tracking.in
	$(HASHED) --output-file containers/locks/build.txt containers/locks/build.in

clean:                ## remove the environment and caches; the state folder AGILE_HOME stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build site

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
