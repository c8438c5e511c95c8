# make install   set up .venv, once; again when pyproject.toml changes
# make test      linters, types, and every test that is not slow; all of them with ALL=yes
# make test-long the slow ones
# make bench     the main job
# make targets   the speeds that the suite sets itself, beside what was reached
# make results   what README, docs and the dashboard show, measured here in three sessions an hour apart: resumes
# make truth     docs/truth.md: how often the answers are right, in simulated cases
# make fastest   docs/fastest-validation.md: picks of perceptron.fastest beside measurements: about 20 minutes; resumes
# make fastest-page  the same page, from the newest run in results/: nothing is measured
# make proof     docs/gate-proof.md: false alarms and what is found, by runs of the gate: an hour; resumes
# make readme    tables and pictures of README and docs from the results of record
# make mutants  what tests notice when the code that decides is broken
# make words    docstrings, titles of tests and pages that break the rules of style
# make wheels    carried/: what a machine without network lacks, see CONTRIBUTING.md
# make docs      html/docs/: what is published, the docs as a site and the dashboard below it
# make shots     docs/: pictures of the dashboard of the results of record

PYTHON ?= python3
BIN := .venv/bin
# One more than cores, four at most: tests wait for processes, browsers and files.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
PYTEST := $(BIN)/python -m pytest --dist worksteal
# `make test ALL=yes` adds the slow ones, as .ci/run does: one run imports and collects once, and ends once.
ALL ?=
# `make test ALL=yes COVERAGE=yes` tells how much of the code they cover. From Python 3.14 on that
# costs nothing; on 3.11 it is a quarter of their time.
COVERAGE ?=
# Where it is set, each of a thousand processes compiles the suite anew, and each worker the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install browser valgrind slurm test formatting linting spelling imports workflows types tests \
	test-long bench targets results truth fastest fastest-page proof readme shots wheels mutants words docs
install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' # knows groups
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	touch $@

# Tests of pages want a browser: Debian's, put there where that can be done, else playwright's own.
browser: install
	@command -v chromium chromium-browser google-chrome >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium; } \
		|| $(BIN)/python -m playwright install chromium \
		|| echo 'NO CHROMIUM: pages will not be tested in a browser; install the package chromium' >&2

# Counted work wants valgrind, a command of the system.
valgrind:
	@command -v valgrind >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq valgrind; } \
		|| echo 'NO VALGRIND: counting will not be tested; install the package valgrind' >&2

# A fleet wants a cluster. Tests start daemons of their own, so whether the packages start theirs makes
# no difference.
slurm:
	@export PATH="$$PATH:/usr/sbin:/sbin"; \
		(for name in munged slurmctld slurmd; do command -v $$name >/dev/null || exit 1; done) \
		|| { test "$$(id -u)" = 0 && apt-get update -qq \
			&& apt-get install -y -qq --no-install-recommends slurm-wlm munge; } \
		|| echo 'NO SLURM: fleets will not be tested; install slurm-wlm and munge' >&2

# What is quick comes first, each's lines together where make can do that: not the 3.81 of macOS.
# mypy, which takes a minute of one core where it has no cache, runs beside the tests.
test: browser valgrind $(if $(ALL),slurm)
	@$(MAKE) $(SIDE_BY_SIDE) $(if $(filter output-sync,$(.FEATURES)),--output-sync) \
		formatting linting spelling imports workflows
	@$(MAKE) $(SIDE_BY_SIDE) types tests

SIDE_BY_SIDE := --no-print-directory --jobs

formatting:
	$(BIN)/ruff format --check .

linting:
	$(BIN)/ruff check .

spelling:
	$(BIN)/codespell

imports:
	$(BIN)/lint-imports --no-cache

workflows:
	$(BIN)/zizmor --offline --quiet .github action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

types:
	$(BIN)/mypy

tests:
	$(PYTEST) --numprocesses $(WORKERS) $(if $(ALL),,-m 'not slow') \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-long: browser valgrind slurm
	$(PYTEST) --numprocesses $(WORKERS) -m slow

bench: install
	$(BIN)/perceptron bench || test $$? -eq 3  # 3: a question is open, as its line says

targets: install
	$(BIN)/python -m benchmarks.targets

results: install
	$(BIN)/python -m benchmarks.results $(if $(MACHINE),--machine $(MACHINE)) $(if $(SESSIONS),--sessions $(SESSIONS))

truth: install
	$(BIN)/python -m benchmarks.validation truth --save docs/truth.md

fastest: install
	$(BIN)/python -m benchmarks.validation fastest --save docs/fastest-validation.md $(if $(MACHINE),--machine $(MACHINE))

fastest-page: install
	$(BIN)/python -m benchmarks.validation fastest --report --save docs/fastest-validation.md

shots: browser
	$(BIN)/python -m tests.browser.shots

proof: install
	$(BIN)/python -m benchmarks.validation proof --save docs/gate-proof.md $(if $(MACHINE),--machine $(MACHINE))

readme: install
	$(BIN)/python -m docs.build

wheels: install
	$(BIN)/python -m benchmarks.wheels

mutants: install
	$(BIN)/python -m benchmarks.mutants

words: install
	$(BIN)/python -m benchmarks.words

docs: install
	$(BIN)/perceptron dashboard --html html/docs/dashboard
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs html/docs

