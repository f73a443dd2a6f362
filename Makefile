# Every target does its own set-up on a Debian machine that has only Python (3.11 or newer), make, Node and root.

.DELETE_ON_ERROR:
.PHONY: demo test check bench

PYTHON := $(firstword $(foreach python,python3.13 python3.12 python3.11 python3,$(shell \
	$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
VENV := .venv/bin
PAGE := src/reactor_runtime/playground/static/index.html
PAGE_SOURCES := $(shell find page -name node_modules -prune -o -type f -print)
CHROMIUM := /usr/bin/chromium
CLIENTS := build/clients/installed
IP := /usr/sbin/ip
TURNSERVER := /usr/bin/turnserver
APT_INSTALL := apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends

demo: .venv/installed $(PAGE)
	$(VENV)/reactor run -p examples/meadow

test: .venv/dev $(PAGE) $(CLIENTS) | $(CHROMIUM) $(IP) $(TURNSERVER)
	cd page && npm test
	# In the files' own order, so that those of tests/browser share one Chromium per process.
	$(VENV)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev $(PAGE)
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	cd page && npm run check

bench: .venv/dev $(PAGE)
	$(VENV)/python bench/run.py --install --seconds 5 --repeats 1 --out build/bench --only 720p30 720p60 1080p30 eager-30 fan-out-1 fan-out-8

# Debian's Python comes without ensurepip until python3-venv is there.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Error: Python 3.11 or newer not found" >&2; exit 2; }
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(APT_INSTALL) python3-venv; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(VENV)/python -m pip install --quiet --editable .
	touch $@

.venv/dev: .venv/installed
	$(VENV)/python -m pip install --quiet --editable '.[dev]'
	touch $@

page/node_modules/.package-lock.json: page/package.json page/package-lock.json
	cd page && npm ci --no-audit --no-fund
	touch $@

$(PAGE): page/node_modules/.package-lock.json $(PAGE_SOURCES)
	cd page && npm run build
	touch $@

# The published clients that tests/clients tries, as they were published.
$(CLIENTS): tests/clients/install.py page/node_modules/.package-lock.json | .venv/dev
	$(VENV)/python tests/clients/install.py
	touch $@

$(CHROMIUM):
	$(APT_INSTALL) chromium

$(IP):
	$(APT_INSTALL) iproute2

$(TURNSERVER):
	$(APT_INSTALL) coturn
