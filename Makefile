# make run      the demonstration: pages to click through, up to a proven upgrade
# make test     everything that must hold before a change is taken
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
STAMP := $(VENV)/.installed

CHROMIUM ?= /usr/bin/chromium

.PHONY: install browser run test lint unit lock clean help

help:
	@sed -n 's/^# //p' Makefile

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "planbridge needs Python 3.11 to 3.13; this is %s. Try: make PYTHON=python3.12" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# The pages are tried in Debian's Chromium: installed where that is allowed, else those tests
# are skipped, loudly.
browser:
	@test -x $(CHROMIUM) || { \
		echo "Installing Debian's Chromium for the tests of the pages"; \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
			&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	} || echo "!!! THERE IS NO BROWSER at $(CHROMIUM) and none could be installed: the pages are not tried !!!"

run: install
	$(BIN)/planbridge demo $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests/benchmarks/*.py
	$(BIN)/lint-imports

unit: install browser
	PLANBRIDGE_CHROMIUM=$(CHROMIUM) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test: lint unit

# Pinned versions with hashes for Python 3.11 to 3.13, no registry's address in it.
lock: install
	$(BIN)/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
