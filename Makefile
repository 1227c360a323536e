.DEFAULT_GOAL := help
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

# uv: the machine's own, or one fetched by pip into the ignored folder.
DATA := $(or $(MILLRACE_DATA),.millrace)
UV := $(or $(shell command -v uv),$(DATA)/uv/bin/uv)
export PATH := $(abspath $(DATA)/uv/bin):$(PATH)
RUN := $(UV) run --frozen --no-sync

.PHONY: help run environment web generate check test faults clean

help: ## List what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: environment web ## Start everything, with a sample broadcast; Ctrl-C stops it, the data stays
	@exec $(RUN) millrace up --demo

environment: $(UV) ## Install what is missing: packages, Python environment
	@infra/local/packages.sh run
	$(UV) sync --frozen --quiet

$(DATA)/uv/bin/uv:
	@infra/local/packages.sh run
	echo "Installing uv"
	python3 -m venv $(DATA)/uv
	$(DATA)/uv/bin/pip install --quiet uv

web: environment ## Build the pages into web/built
	@$(RUN) python -c 'import sys; from web.build import current; sys.exit(not current())' || {
		echo "Building the pages"
		$(RUN) python -m web.build
	}

generate: ## Write every generated file anew
	@$(RUN) python -m schemas.generate

GENERATED := schemas/records schemas/ids.lock docs/reference .env.example

check: environment ## Formatting, lint, types, import rules, schemas, generated files
	@$(RUN) ruff format --check --quiet
	$(RUN) ruff check --quiet
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) millrace schemas check
	$(MAKE) generate
	git diff --exit-code --stat -- $(GENERATED) || { echo "Generated files are stale: make generate" >&2; exit 1; }

test: environment web ## Every test; starts the servers and the browser it needs
	@infra/local/packages.sh test
	$(RUN) pytest -q --durations=10 -n 2 --dist loadfile -m "not alone"
	$(RUN) pytest -q --durations=15 -m alone

faults: environment ## The run loop under chaos: 100 seeds
	@$(RUN) python -m tests.faults

clean: ## Stop what runs and forget all data; downloads stay
	@if [ -x .venv/bin/millrace ]; then $(RUN) millrace down; fi
	rm -rf $(addprefix $(DATA)/,logs run servers objects spool keys worker-*)
