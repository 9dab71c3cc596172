# Two commands for newcomers: make demo, make test. Everything else is for daily work.
# Needed: Python 3.11 to 3.14 with venv, make. Nothing is installed outside this folder;
# only make test keeps what is slow to make in a cache folder (FOOTAGE_TEST_CACHE).
.DEFAULT_GOAL := targets
.PHONY: targets venv demo test check fmt lock clean coverage bench fuzz torture advisories

PYTHON ?=
RUN := .venv/bin/python
export PYTHON

targets:
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

venv: .venv/.runtime  ## the recorder command in .venv, from the locked list

demo: .venv/.runtime  ## the main job, visibly; ONCE=1 ends by itself, FOOTAGE=/path takes your files
	@.venv/bin/recorder demo $(if $(FOOTAGE),--footage "$(FOOTAGE)") $(if $(ONCE),--once)

test: .venv/.test  ## everything: format, lint, types, imports, unit, integration, browser
	@$(RUN) -m tests

check: .venv/.test  ## the quick part of it: format, lint, types, imports, unit
	@$(RUN) -m tests check

fuzz: .venv/.test  ## generated input for longer; MINUTES=10 in all, SEED=7 repeats a run
	@$(RUN) -m tests.fuzz "$(or $(MINUTES),5)" "$(or $(SEED),1)"

coverage: .venv/.test  ## all tests with branch coverage, slower
	@$(RUN) -m tests coverage

torture: .venv/.test  ## random faults at every commit point; LIVE=1 MATRIX=1 N=100 SEED=… STORE=minio|folder MINUTES=60 FIRST=24 OUT=report.md
	@$(RUN) -m tests.torture $(if $(LIVE),--live) $(if $(MATRIX),--matrix) $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) \
	    $(if $(STORE),--store $(STORE)) $(if $(MINUTES),--minutes $(MINUTES)) \
	    $(if $(FIRST),--first $(FIRST)) \
	    $(if $(OUT),--out $(OUT))

bench: .venv/.test  ## measurements, by hand on a quiet machine; ONLY="objects lookup" chooses
	@$(RUN) -m tests.bench $(ONLY)

fmt: .venv/.test  ## format the code and mend what the linter can mend
	@.venv/bin/ruff format -q . && .venv/bin/ruff check --fix .

advisories: .venv/.test  ## known vulnerabilities of what is locked (as in check), failing without an answer
	@$(RUN) -m tests.support.advisories --strict

lock: .venv/.test  ## write the locked lists anew from pyproject.toml
	@requirements/lock.sh

clean:  ## remove what make made in this folder
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache .coverage .coverage.*
	@find recorder workers tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: requirements/runtime.txt requirements/install.sh requirements/install.py pyproject.toml \
    requirements/scripts.py package.json package-lock.json
	@requirements/install.sh runtime
	@touch $@

.venv/.test: requirements/test.txt .venv/.runtime
	@requirements/install.sh test
	@touch $@
