# Each target sets up .venv by itself; a second set-up costs a time stamp check.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.set-up
PROJECTS := ./schemas .[postgres,report,analyse,mcp,workers,duckdb,dev] $(sort $(wildcard ./plugins/*)) $(patsubst %/pyproject.toml,./%,$(sort $(wildcard examples/*/pyproject.toml)))
MANIFESTS := constraints.txt pyproject.toml schemas/pyproject.toml $(wildcard plugins/*/pyproject.toml) $(wildcard examples/*/pyproject.toml)

.PHONY: setup demo docs reference test test-slow test-bridges test-engines test-schedulers soak soak-workers histories migration plugin-lists card image check audit format constraints bench
setup: $(STAMP)

$(STAMP): $(MANIFESTS)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt hatchling editables
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation $(foreach p,$(PROJECTS),-e $(p))
	touch $(STAMP)

demo: setup
	$(BIN)/cs-sync demo

# Compiled tests are kept even where Python is told to keep none: compiling takes longer than running.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

# What is quick: everything but tests that take over 0.2 s of CPU each or drive whole processes.
test: setup
	$(PYTEST) -p tests.forks -m "not slow"

# What takes longer, and every property once more with more examples than in the quick tests.
# By file, in the order of `conftest.py`: what takes longest comes first.
test-slow: setup
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m "slow or hypothesis" --hypothesis-profile thorough

# The bridges with real taps and the real dlt, each in an environment of its own, as they are large.
BRIDGES := .venv/bridges
BRIDGED := -e ./schemas -e .[testing] -e ./plugins/singer -e ./plugins/dlt[dlt]
test-bridges: $(BRIDGES)/.set-up
	$(BRIDGES)/bin/python -m pytest -o filterwarnings=default plugins/dlt/tests plugins/singer/tests/test_real_taps.py

$(BRIDGES)/.set-up: $(STAMP)
	for each in $(BRIDGES) .venv/tap .venv/singer-python; do test -x $$each/bin/python || $(PYTHON) -m venv $$each || exit 1; done
	.venv/tap/bin/python -m pip install -q --disable-pip-version-check tap-rest-api-msdk==1.4.2
	.venv/singer-python/bin/python -m pip install -q --disable-pip-version-check singer-python==6.8.0
	$(BRIDGES)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt hatchling editables
	$(BRIDGES)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation $(BRIDGED) dlt==1.31.0 hypothesis
	touch $@

# Every metric on each engine over an export, in an environment of its own, as they are large.
ENGINES := .venv/engines
COMPUTED := -e ./schemas -e .[testing,parquet,duckdb,clickhouse,spark] $(foreach p,files hubspot posthog stripe zendesk,-e ./plugins/$(p)) -e ./examples/sandbox
test-engines: $(ENGINES)/.set-up
	$(ENGINES)/bin/python -m pytest -n 2 --dist loadscope -o filterwarnings=default -k "engine or export" tests/metrics/test_databases.py tests/jobs/test_exported_metrics.py tests/store/test_engines.py

$(ENGINES)/.set-up: $(STAMP)
	test -x $(ENGINES)/bin/python || $(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt hatchling editables
	$(ENGINES)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation $(COMPUTED) chdb==4.4.0 pysail==0.7.2 adbc-driver-flightsql==1.13.0 adbc-driver-manager==1.13.0 hypothesis pytest-xdist time-machine
	touch $@

# The plugins for Dagster and Airflow in the real ones, each in an environment of its own, as they are large.
DAGSTER := .venv/dagster/bin/python
AIRFLOW := .venv/airflow/bin/python
test-schedulers: .venv/dagster/.set-up .venv/airflow/.set-up
	$(DAGSTER) -m pytest -o filterwarnings=default plugins/dagster/tests
	AIRFLOW_HOME=$(CURDIR)/.venv/airflow/home $(AIRFLOW) -m pytest -o filterwarnings=default plugins/airflow/tests

.venv/dagster/.set-up: SCHEDULER := dagster==1.13.29
.venv/airflow/.set-up: SCHEDULER := apache-airflow-task-sdk==1.3.2
.venv/dagster/.set-up .venv/airflow/.set-up: .venv/%/.set-up: $(STAMP)
	test -x .venv/$*/bin/python || $(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt hatchling editables
	.venv/$*/bin/python -m pip install -q --disable-pip-version-check $(SCHEDULER) hypothesis
	.venv/$*/bin/python -m pip install -q --disable-pip-version-check --no-build-isolation -e ./schemas -e .[testing] -e ./plugins/files -e ./plugins/$*
	touch $@

# Hundreds of syncs and pushes under drawn faults, and processes killed; the same seed draws the same.
RUNS ?= 300
KILLS ?= 30
SEED ?= 1
soak: setup
	$(BIN)/python -m tests.soak --runs $(RUNS) --kills $(KILLS) --seed $(SEED)

# Many workspaces, and workers killed at random: nothing lost, doubled, late twice or starved.
WORKSPACES ?= 100
WORKERS ?= 3
WORKER_KILLS ?= 50
soak-workers: setup
	$(BIN)/python -m tests.soak.workers --workspaces $(WORKSPACES) --workers $(WORKERS) --kills $(WORKER_KILLS) --seed $(SEED)

# Random histories of Stripe subscriptions: a fresh database, one synced step by step, and the truth.
HISTORIES ?= 1000
histories: setup
	$(BIN)/python -m tests.histories --histories $(HISTORIES) --seed $(SEED)

# The documentation site, into build/site; opens from disk.
DOCS := .venv/.docs
docs: reference $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

$(DOCS): $(STAMP)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation -e .[docs]
	touch $@

# The pages of docs/reference and docs/llms.txt, from the code
reference: setup
	$(BIN)/python -m cs_sync.cli.reference docs

# The tables of the models, the next revision, and the JSON Schema: make migration NAME=what_changes
migration: setup
	$(BIN)/python -m cs_sync_schemas.write_tables
	$(BIN)/python -m cs_sync_schemas.migrations.new "$(NAME)"
	$(BIN)/python -m cs_sync_schemas.export > schemas/records.schema.json

# The lists of pyproject.toml and the Dockerfile that name every plugin, from the folders of plugins/
plugin-lists: setup
	$(BIN)/python -m tests.plugin_lists

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	for tests in $(wildcard schemas/tests plugins/*/tests examples/*/tests); do $(BIN)/mypy $$tests || exit 1; done
	$(BIN)/lint-imports
	$(MAKE) audit
	$(MAKE) card
	$(MAKE) image
	$(MAKE) docs
	$(MAKE) test
	$(MAKE) test-slow
	$(MAKE) test-bridges

# The card in HubSpot is the one part that needs Node; all else can be checked without.
CARD := examples/hubspot-card/src/app/cards
NODE := $(shell command -v npm >/dev/null && node -p '(([a, b]) => a > 20 || (a == 20 && b >= 19))(process.versions.node.split("."))' 2>/dev/null)

ifeq ($(NODE),true)
card: $(CARD)/node_modules/.package-lock.json
	cd $(CARD) && npm run --silent check
else
card:
	@echo "card: skipped, as checking the HubSpot card needs Node 20.19 or newer with npm"
endif

$(CARD)/node_modules/.package-lock.json: $(CARD)/package.json $(CARD)/package-lock.json
	cd $(CARD) && npm ci --silent
	touch $@

# The image, built and started where something that builds images answers.
image:
	@builder=$$(for each in docker podman; do $$each info >/dev/null 2>&1 && echo $$each && break; done); \
	if [ -z "$$builder" ]; then echo "image: skipped, as neither docker nor podman answers here"; \
	else $$builder build --quiet --tag cs-sync . && \
	  $$builder run --rm --read-only --tmpfs /tmp cs-sync --version && \
	  $$builder image inspect --format 'image: {{.Size}} bytes' cs-sync; fi

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# cs-sync beside its floor, a plain script and dlt, in an environment of its own; see benchmarks/.
BENCH := .venv-bench/bin
BENCHED := ./schemas . ./plugins/stripe ./plugins/hubspot ./plugins/files
bench:
	test -x $(BENCH)/python || $(PYTHON) -m venv .venv-bench
	$(BENCH)/python -m pip install -q --disable-pip-version-check -c constraints.txt hatchling editables
	$(BENCH)/python -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation $(foreach p,$(BENCHED),-e $(p)) -r benchmarks/requirements.txt
	$(BENCH)/python -m benchmarks.sync
	$(BENCH)/python -m benchmarks.metrics

# Asks a public service for known vulnerabilities of the exact versions. Where none answers nothing
# is known against them nor for them, which is said and is no failure of ours.
AUDIT := .venv/audit
audit: $(AUDIT)/.set-up
	@if told=$$($(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict 2>&1); \
	then echo "audit: no known vulnerability in the versions of constraints.txt"; \
	elif echo "$$told" | grep -q "known vulnerabilit"; then echo "$$told"; exit 1; \
	else echo "audit: skipped, as no service that knows of vulnerabilities answers here"; fi

$(AUDIT)/.set-up: $(STAMP)
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install -q --disable-pip-version-check pip-audit==2.10.1
	touch $@

# Rewrites the exact versions from what a fresh resolution installs.
constraints:
	rm -rf .venv && : > constraints.txt
	$(MAKE) setup $(DOCS)
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt
	touch $(STAMP)
