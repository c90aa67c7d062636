# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install -q -c constraints.txt
HEADWATER_DATA ?= $(abspath ../shared/data)
export HEADWATER_DATA

.PHONY: demo test slow check paper bench docs clean

demo: $(VENV)/.demo
	$(BIN)/headwater demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m slow

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

paper: $(VENV)/.dev
	set -e; for table in figure-2.3 thesis-2.3 thesis-2.6; do \
	  $(BIN)/headwater reproduce $$table --write papers/results; done; \
	for table in thesis-2.5 thesis-2.2 thesis-2.1 guidance tuning; do \
	  $(BIN)/headwater reproduce $$table --checkpoint runs/$$table --write papers/results; done; \
	for table in cdm-2 cdm-3 cdm-fig4; do \
	  $(BIN)/headwater reproduce $$table --checkpoint runs/cdm --write papers/results; done; \
	for table in thesis-3.3 thesis-3.4 thesis-3.7 thesis-fig3.4; do \
	  $(BIN)/headwater reproduce $$table --checkpoint runs/labels --write papers/results; done; \
	for table in thesis-4.4 thesis-fig4 satisfaction-loop; do \
	  $(BIN)/headwater reproduce $$table --write papers/results; done; \
	for table in thesis-5.3 thesis-5.4 thesis-5.5 thesis-fig5 radio-tradeoff radio-week; do \
	  $(BIN)/headwater reproduce $$table --checkpoint runs/news --write papers/results; done
	$(BIN)/python -m pytest -m paper

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/setup_peers.py
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/rerank.py
	$(BIN)/python benchmarks/encode.py
	$(BIN)/python benchmarks/sessions.py
	$(BIN)/python benchmarks/news_world.py
	$(BIN)/python benchmarks/enrich.py
	$(BIN)/python benchmarks/bayes.py
	$(BIN)/python benchmarks/normative.py
	$(BIN)/python benchmarks/news.py
	$(BIN)/python benchmarks/home.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/scaling.py

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -q docs site

clean:
	rm -rf $(VENV) .bench site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[docs,all]'
	@touch $@
