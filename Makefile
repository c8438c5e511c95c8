# make install   set up .venv, once; again when pyproject.toml changes
# make test      every check
# make bench     the main job
# make targets   the speeds that the suite sets itself, beside what was reached
# make truth     docs/truth.md: how often the answers are true, in simulated worlds
# make proof     docs/gate-proof.md: false alarms and what is found, by runs of the gate: hours
# make readme    README's picture and tables from the committed results

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install test bench targets truth proof readme
install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

test: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

bench: install
	$(BIN)/perceptron bench

targets: install
	$(BIN)/python -m benchmarks.targets

truth: install
	$(BIN)/perceptron truth --save docs/truth.md

proof: install
	$(BIN)/perceptron proof --save docs/gate-proof.md

readme: install
	$(BIN)/python -m perceptron.report.readme
