# NetSpace. Needs Python 3.11 or newer and make; everything else is installed into .venv and frontend/node_modules.
# A stamp file stands for each installation: a changed lock file installs again, otherwise nothing is done twice.

PYTHON ?= python3
# PyTorch's build: cpu or cuda. Chosen when .venv is made; `make clean` to choose again.
TORCH ?= cpu

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
RUNTIME := $(VENV)/stamps/runtime
DEV := $(VENV)/stamps/dev
TOOLS := $(VENV)/stamps/tools
NATIVE := $(wildcard netspace/native/*.[ch])
FRONTEND := frontend/node_modules/.stamp
FRONTEND_DEV := frontend/node_modules/.stamp-dev
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund

# Node and npm may live in .venv too.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup run test faults bench pictures fuzz check browser lock audit clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) $(FRONTEND_DEV)  ## install everything

run: $(RUNTIME) $(FRONTEND)  ## serve at http://127.0.0.1:8000; elsewhere: PORT=8001 make run
	@exec $(PY) -m server

test: setup browser  ## tests; some of them: make test ARGS="-k mesh"
	$(PY) -m pytest -n 2 --no-loadscope-reorder -m "not faults" $(ARGS)

faults: setup  ## the tests that kill workers, services and databases
	$(PY) -m pytest -m faults $(ARGS)

bench: setup  ## benchmarks: ratios side by side, minutes, with nothing else running
	$(PY) -m benchmarks $(ARGS)

pictures: setup browser  ## the docs' pictures of the page anew; some of them: make pictures ARGS="page phone"
	$(PY) -m scripts.pictures $(ARGS)

fuzz: $(DEV)  ## 20,000 mutated checkpoints, 5,000 mutated meshes and 5,000 generated requests, which takes a while
	FUZZ=12000 $(PY) -m pytest tests/test_fuzz_checkpoint.py
	FUZZ=1000 $(PY) -m pytest tests/test_fuzz_clouds.py
	FUZZ=500 $(PY) -m pytest tests/server/test_http_schema.py

check: $(DEV) $(FRONTEND_DEV)  ## ruff and mypy; tsc and eslint for the page
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	cd frontend && npm run --silent check

lock: $(DEV) $(TOOLS)  ## write requirements/ anew from pyproject.toml and what .venv holds
	UV=$(VENV)/tools/bin/uv $(PY) scripts/lock.py

audit: $(TOOLS)  ## build/sbom.json, and what is known against what is in it
	$(VENV)/tools/bin/python scripts/audit.py

clean:  ## remove everything that was installed; keeps var/
	rm -rf $(VENV) frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'NetSpace needs Python 3.11 or newer. If it has another name: make PYTHON=/path/to/python3.12 ...'; exit 1; }
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements/runtime.txt requirements/torch.txt pyproject.toml scripts/install-runtime $(NATIVE) | $(PY)
	TORCH=$(TORCH) sh scripts/install-runtime $(PY)
	@rm -f netspace/native/*.so
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@ls netspace/native/*.so >/dev/null 2>&1 || echo 'No C compiler was found: meshes take several times as long.'
	@mkdir -p $(@D) && touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# A place of their own: what pins and audits is no part of what is pinned and audited.
$(TOOLS): requirements/tools.txt | $(PY)
	$(PY) -m venv $(VENV)/tools
	$(VENV)/tools/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/tools.txt
	@mkdir -p $(@D) && touch $@

# three.js for whoever serves the page; what checks the page comes along for whoever works on it. By the system's npm or,
# where there is none or one that eslint does not run on, by npm from PyPI.
$(FRONTEND) $(FRONTEND_DEV): frontend/package-lock.json requirements/node.txt | $(PY)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a >= 24 || (a == 22 && b >= 13) || (a == 20 && b >= 19) ? 0 : 1)' \
		2>/dev/null && command -v npm >/dev/null || $(PIP) install --quiet --require-hashes -r requirements/node.txt
	cd frontend && $(NPM_CI) $(if $(filter $(FRONTEND),$@),--omit=dev)
	@touch $@ $(if $(filter $(FRONTEND_DEV),$@),$(FRONTEND))

# A system Chromium, or else Playwright's. Without either the test of the page says that it is skipped.
browser: $(DEV)
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
		echo 'No Chromium on this system: asking Playwright for its own ...'; \
		$(PY) -m playwright install chromium >/dev/null 2>&1 || echo 'None could be downloaded.'
