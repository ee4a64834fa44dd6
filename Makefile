# The one door. `make help` lists it.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
CITY ?= daqing
DATE ?=
FROM ?=
TO ?=
DATA ?=
FULL ?=
ARGS ?=
export PORT_BASE ?= 18600
PIPELINE := .venv/pipeline/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup run backfill serve test check bench reset render lock audit

help: ## this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use
run: setup ## one night through Airflow: make run [CITY=code] [DATE=YYYY-MM-DD] [DATA=folder] [FULL=1]
	@$(PIPELINE) -m stack run --city $(CITY) $(if $(DATE),--date "$(DATE)") $(if $(DATA),--data "$(DATA)") $(if $(FULL),--full)

backfill: setup ## a range of days again: make backfill FROM=YYYY-MM-DD TO=YYYY-MM-DD [CITY=code] [DATA=folder]
	@$(PIPELINE) -m stack backfill --city $(CITY) --from "$(FROM)" --to "$(TO)" $(if $(DATA),--data "$(DATA)")

serve: setup ## everything a person looks at, on loopback; Ctrl-C stops it: make serve [CITY=code]
	@$(PIPELINE) -m stack serve --city $(CITY)

##@ Develop
check: setup ## ruff, types, sqlfluff, import contracts, rendered files fresh
	@$(PIPELINE) -m stack check

test: setup ## all tests, from nothing: make test [ARGS='-m reference']
	@$(PIPELINE) -m stack test -- $(ARGS)

bench: setup ## measure the line and write bench/results.json
	@CITY=$(CITY) $(PIPELINE) -m bench

render: setup ## write the rendered files again (dictionary, methodology, licences, picture of the house)
	@$(PIPELINE) -m stack render

lock: setup ## compile the hashed locks again from requirements/*.in
	@for name in tools build pipeline airflow superset portal audit; do .venv/tools/bin/uv pip compile -q --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -o requirements/$$name.txt requirements/$$name.in; done

audit: setup ## what each environment holds (CycloneDX), and known vulnerabilities where there is a network
	@$(PYTHON) stack/bootstrap.py audit && $(PIPELINE) -m stack audit

##@ This machine
setup: ## environments and jars only (every other target does this by itself)
	@$(PYTHON) stack/bootstrap.py

reset: ## remove all data of this machine and what was published here; environments stay
	@rm -rf .state published public && echo "removed .state, published and public"
