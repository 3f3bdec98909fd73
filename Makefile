# make help lists what there is.
PYTHON ?= python3
VENV := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run setup test check lint format bench lock bundle backup restore clean
export PORT BIND_ADDRESS DATA_DIR

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: ## Install what is missing, start everything, print the address
	@exec $(PYTHON) -m launcher run

setup: ## Make .venv and install the pinned packages
	@$(PYTHON) -m launcher setup

test: setup ## Run all tests: units, JavaScript, PostgreSQL, the real engine, a real browser
	@$(VENV)/python -m tests.everything

check: setup ## Run the fast tests only (about four minutes)
	@$(VENV)/python -m pytest -q -n 2 --dist worksteal -m "not e2e and not engine and not slow"

lint: setup ## Check style, types, imports and templates
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/djlint --lint --quiet templates

format: setup ## Put code into the common form
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

bench: setup ## Run all benchmarks
	@failed=0; for name in $$($(VENV)/python manage.py bench | cut -d' ' -f1); do \
	  echo "$$name"; $(VENV)/python manage.py bench $$name --json || failed=1; \
	done; exit $$failed

lock: setup ## Compile the lists of pinned packages again
	@sh requirements/lock.sh

bundle: setup ## Pack for a GPU host without a package index (FOR, ARCH, PART_MB: see docs/gpu.md)
	@$(VENV)/python -m bundle $(if $(FOR),--for "$(FOR)") $(if $(ARCH),--arch "$(ARCH)") \
	  $(if $(WITHOUT),--without "$(WITHOUT)") $(if $(HAS),--has "$(HAS)") \
	  $(if $(PART_MB),--part-mb "$(PART_MB)") $(if $(OUT),--out "$(OUT)") \
	  $(if $(DRY_RUN),--dry-run)

backup: ## Write database, secret key and recordings into one file, while everything runs (FILE)
	@$(VENV)/python manage.py backup $(if $(FILE),--out "$(FILE)")

restore: ## Put a backup in place of what is, with everything stopped (FILE)
	@$(VENV)/python manage.py restore "$(FILE)"

clean: ## Remove .venv and what tools left; data stays in DATA_DIR (var/)
	rm -rf .venv node_modules test-results .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
