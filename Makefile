# make demo | test | test-full | lint | clean. Needs Python 3.11 to 3.13; the rest is fetched once.
.POSIX:
.NOTPARALLEL:
.PHONY: help demo test test-full lint clean .venv .venv-legacy .venv-readers tools

ARGS =
PYTHON311 = sh .ci/find-python 3.11 3.11

help:
	@echo 'make demo       install into .venv and run the demo (options: make demo ARGS=--quick)'
	@echo 'make test       run the tests, 15 minutes at most on two cores once installed'
	@echo 'make test-full  run all tests, the long random suites as well'
	@echo 'make lint       style, types and import contracts'
	@echo 'make clean      remove environments and caches'

demo: .venv
	.venv/bin/edge demo $(ARGS)

test: tools .venv .venv-legacy .venv-readers
	@sh .ci/test

test-full: tools .venv .venv-legacy .venv-readers
	@sh .ci/test full

lint: .venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	cd .ci && ../.venv/bin/mypy --strict --cache-dir ../.mypy_cache *.py
	.venv/bin/lint-imports

# An environment is current when its stamp says so: asked each time, cheap, and without network.
.venv:
	@python=$$(sh .ci/find-python 3.11 3.13) && "$$python" .ci/bootstrap.py $@

# Both hold packages that exist for Python 3.11 only.
.venv-legacy .venv-readers:
	@if python=$$($(PYTHON311) 2>/dev/null); then "$$python" .ci/bootstrap.py $@; \
	else echo "skipped: $@ (no Python 3.11 found on PATH)"; fi

tools:
	@python=$$(sh .ci/find-python 3.11 3.13) && "$$python" .ci/tools.py

clean:
	rm -rf .venv .venv-legacy .venv-readers .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache build dist
