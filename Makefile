# Every habit of this project has a target here; `make` alone lists them.
# It needs python3 (3.11 or newer) with its venv module, and nothing else. No target needs root but `make trixie`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN    := .venv/bin
JOBS   ?= 2
BASE   ?= origin/main
PIP    := -m pip --disable-pip-version-check --no-input install --quiet
CODE   := libs services tests

# Newer clients for tests and benchmarks: the folder, and the Debian mirror that it comes from (empty: the one that
# apt has).
TRIXIE ?= build/trixie
MIRROR ?=

# For `make run`: where the API listens, its port, the data directory. Empty leaves it to the configuration.
LISTEN ?=
PORT   ?=
DATA   ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run LISTEN=0.0.0.0 PORT=9000 DATA=/srv/sluice   sets address, port and data directory"

.PHONY: run
run: setup ## install if needed, and run all of Sluice until Ctrl-C
	@exec $(BIN)/sluice up $(if $(LISTEN),--listen "$(LISTEN)") $(if $(PORT),--port "$(PORT)") $(if $(DATA),--data "$(DATA)")

.PHONY: demo
demo: setup .venv-deluge/.installed ## watch a download go from magnet to library, with a Deluge and a swarm on this machine
	@exec $(BIN)/python -m sluice_cli.demo --deluge .venv-deluge $(DEMO)

.PHONY: setup
setup: .venv/.installed ## make .venv with everything that running needs
	@:

.PHONY: setup-dev
setup-dev: .venv/.installed-dev .venv-deluge/.installed ## add what the tests and checks need, and a real Deluge
	@:

.venv/.installed: requirements/main.txt requirements/embedded.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Sluice needs Python 3.11 or newer; give another with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "The venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv (about a minute the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) --require-hashes -r requirements/main.txt -r requirements/embedded.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q libs services
	@touch $@

.venv/.installed-dev: .venv/.installed requirements/dev.txt
	@echo "Installing the tools for tests and checks (about a minute the first time) ..."
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

.venv-deluge/.installed: requirements/deluge.txt
	@echo "Installing a real Deluge into .venv-deluge ..."
	@$(PYTHON) -m venv .venv-deluge
	@.venv-deluge/bin/python $(PIP) --require-hashes -r requirements/deluge.txt
	@touch $@

.PHONY: test
test: setup-dev ## run every test (JOBS=2 at a time)
	@$(BIN)/pytest -n $(JOBS)

.PHONY: test-containers
test-containers: test-stack test-servers ## run what needs Docker: the two that follow

.PHONY: test-stack
test-stack: setup-dev ## build the image, run the composed stack with a real client (needs Docker with Compose v2)
	@$(BIN)/pytest -m container tests/containers

.PHONY: test-servers
test-servers: setup-dev ## run the integration tests on NATS and PostgreSQL out of containers (needs Docker)
	@SLUICE_TEST_BACKEND=containers $(BIN)/pytest -n $(JOBS) tests/integration

.PHONY: trixie
trixie: ## put Debian 13's qBittorrent and Transmission into a folder, for the tests (root; TRIXIE=, MIRROR=)
	@tests/tools/trixie.sh "$(TRIXIE)" "$(MIRROR)"

.PHONY: test-trixie
test-trixie: setup-dev ## run what runs real clients with those of that folder (make it with `make trixie`)
	@SLUICE_CLIENTS_ROOT="$(TRIXIE)" $(BIN)/pytest -n $(JOBS) -k "not deluge and not compact" \
		tests/clients tests/e2e/test_whole_path.py
	@SLUICE_CLIENTS_ROOT="$(TRIXIE)" $(BIN)/pytest tests/integration/client_poller/test_kinds.py

.PHONY: check
check: .venv/.installed-dev ## lint, format, types, import boundaries
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports

.PHONY: format
format: .venv/.installed-dev ## let ruff format the code and mend what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

.PHONY: fuzz
fuzz: setup-dev ## run the property tests with 10,000 examples each
	@SLUICE_HYPOTHESIS=fuzz $(BIN)/pytest -n $(JOBS) -m hypothesis --timeout 0

.PHONY: flaky
flaky: setup-dev ## run new tests 20 times: TESTS="path ..." or the test files changed against BASE=origin/main
	@tests="$(TESTS)"; \
	test -n "$$tests" || tests=$$(git diff --name-only --diff-filter=d $(BASE) -- 'tests/**/test_*.py'; \
		git ls-files --others --exclude-standard -- 'tests/**/test_*.py'); \
	test -n "$$tests" || { echo "No test file changed against $(BASE)."; exit 0; }; \
	for time in $$(seq 20); do echo "time $$time of 20"; $(BIN)/pytest -q -n $(JOBS) $$tests || exit 1; done

.PHONY: clients-page
clients-page: setup-dev ## run every real client, also those of TRIXIE=, and write docs/clients.md from what they show
	@PYTHONPATH=tests $(BIN)/python tests/tools/clients_page.py
	@test ! -d "$(TRIXIE)" || PYTHONPATH=tests SLUICE_CLIENTS_ROOT="$(TRIXIE)" \
		$(BIN)/python tests/tools/clients_page.py qbittorrent transmission

.PHONY: bench
bench: setup-dev ## measure what is not measured yet and write docs/benchmarks.md (SMOKE=1, AGAIN=1, ONLY="clients ...")
	@PYTHONPATH=tests $(BIN)/python -m bench $(if $(SMOKE),--smoke) $(if $(AGAIN),--again) \
		$(if $(ONLY),--only $(ONLY)) $(if $(KINDS),--kinds $(KINDS)) \
		$(if $(SIZES),--sizes $(SIZES)) $(if $(FLEETS),--fleets $(FLEETS)) --trixie "$(TRIXIE)"

.PHONY: soak
soak: setup-dev ## 100 clients that stumble, pollers killed and frozen again and again (ROUNDS=10, SEED=... repeats a run)
	@SLUICE_SOAK=$(or $(ROUNDS),10) $(if $(SEED),SLUICE_SEED=$(SEED)) $(BIN)/pytest -n $(JOBS) -rP tests/faults/test_leases.py tests/faults/test_soak.py

.PHONY: mutate
mutate: setup-dev ## break the pure code on purpose and see whether the tests notice
	@$(BIN)/python tests/tools/mutate.py

.PHONY: clean
clean: ## remove the virtual environments and caches; data directories stay
	@rm -rf .venv .venv-deluge .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants dist build
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
