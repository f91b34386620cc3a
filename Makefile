# Each target makes its own environment from the lock that fits the Python it finds.
# PYTHON=python3.12 chooses another Python; VENV and DEMO_OUT choose other folders.

PYTHON ?= python3
VENV ?= .venv
DEMO_OUT ?= demo_out
FUZZ_SECONDS ?= 600
BIN := $(VENV)/bin

.PHONY: demo test lint bench docs web fuzz clean

demo: $(VENV)/.installed
	$(BIN)/s2i demo --out=$(DEMO_OUT)

# Three workers use two cores: a test often waits for a page, a command or a killed run.
# What one of its many processes has compiled the others read, whatever is set outside.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.installed
	$(BIN)/s2i weights fetch soundnet efficientnet_lite0 efficientnet_lite2 || \
		echo "without the pretrained nets the tests that need them are skipped"
	$(BIN)/python -m pytest -n 3 --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The page of `s2i app`: its sources checked and built into the package (needs Node 20 or newer).
web:
	cd export/web && npm ci --no-audit --no-fund && npm run check && npm run build

# The exact version, as the extra `bench` has it; without it the rows beside PyTorch are left out.
bench: $(VENV)/.installed
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install -q torch==2.13.0 || \
		echo "PyTorch cannot be installed: what is measured beside it is left out"
	$(BIN)/python -m benchmarks.speed --out=docs/speed/speed.json --page=docs/speed.md

# Pages in site/, to be opened in a browser: guides and API reference.
docs: $(VENV)/.installed
	$(BIN)/python -m mkdocs build --strict

# Damaged inputs for FUZZ_SECONDS; findings are left in fuzz_out and make it fail.
fuzz: $(VENV)/.installed
	$(BIN)/python -m fuzz --seconds=$(FUZZ_SECONDS) $(FUZZ_ARGS)

$(VENV)/.installed: setup.py $(wildcard requirements/*.txt) requirements/install.py
	$(PYTHON) requirements/install.py $(VENV)
	touch $@

clean:
	rm -rf $(VENV) $(DEMO_OUT) site
