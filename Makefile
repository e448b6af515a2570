# The one place that names the commands; CI calls the same ones.

.DEFAULT_GOAL := help
.PHONY: help demo test slow coverage fuzz times versions servers kernels check format lab bench bench-recovery docs picture lock browser-deps clean bench-capacity

# The Python that .venv is made with: the first of these that is 3.11 to 3.13 and can make environments.
CANDIDATES = python3 python3.13 python3.12 python3.11 "$$HOME"/.pyenv/versions/3.1[123]*/bin/python3
USABLE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in $(CANDIDATES); do "$$p" -c '$(USABLE)' >/dev/null 2>&1 && echo "$$p" && break; done)
IN = .venv/bin/python -m

# More arguments for pytest: make test ARGS="tests/broker -k lease"
ARGS ?=
# Tests at once; most of them wait for processes. Those of a file stay together: PROCESSES=0 runs one after the other
PROCESSES ?= 3

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

demo: .venv/for-demo ## set up .venv if need be, then run real solver and evaluation jobs and show them
	@$(IN) nbqueue.demo $(ARGS)

test: .venv/for-test ## set up .venv if need be, then run the tests (ARGS="..." goes to pytest)
	@$(IN) pytest -n $(PROCESSES) --dist loadfile -m "not slow" $(ARGS)

slow: .venv/for-test ## run the tests that take long: whole notebooks in a browser, a minute without a server, full disks
	@$(IN) pytest -n $(PROCESSES) --dist loadfile -m slow $(ARGS)

coverage: .venv/for-test ## the same, and show which lines and branches no test runs; it takes a third longer
	@$(IN) pytest -n $(PROCESSES) --dist loadfile --cov --cov-report=term:skip-covered $(ARGS)

fuzz: .venv/for-test ## compare the scripts with a model of the queue for as long as an hour, in random sequences of operations
	@HYPOTHESIS_PROFILE=long $(IN) pytest tests/broker/test_model.py $(ARGS)

times: .venv/for-test ## hold tests of faults, stops and refusals to the times they say: nothing else may use the machine
	@TEST_SLACK=1 $(IN) pytest tests/faults tests/inputs tests/children $(ARGS)

versions: .venv/for-test ## test two Python minor versions on one queue; unlike `make test` it fails where there is only one
	@REQUIRE_SECOND_PYTHON=1 $(IN) pytest tests/inputs/test_two_pythons.py $(ARGS)

servers: .venv/for-test ## get Redis 7.0, 7.4 and 8.2, Valkey 8.1 and 9.0, and run the guide's and broker's tests on each: half an hour
	@$(IN) tools.servers $(ARGS)

kernels: .venv/for-test ## run the tests of notebooks with the oldest ipykernel that is supported, and the newest before 7
	@TEST_IPYKERNEL="ipykernel==6.29.5" $(IN) pytest -n $(PROCESSES) --dist loadfile tests/notebook $(ARGS)
	@TEST_IPYKERNEL="ipykernel<7" $(IN) pytest -n $(PROCESSES) --dist loadfile tests/notebook $(ARGS)

check: .venv/for-test ## formatting, lint rules and types
	@$(IN) ruff format --check .
	@$(IN) ruff check .
	@$(IN) mypy

format: .venv/for-test ## format the code and repair what the lint rules can repair
	@$(IN) ruff check --fix-only --quiet .
	@$(IN) ruff format .

lab: .venv/for-test ## open JupyterLab with nbqueue installed
	@$(IN) jupyter lab $(ARGS)

bench: .venv/for-test ## measure nbqueue beside other job queues, half an hour (ARGS=--quick: four minutes, and no page is written)
	@$(IN) benchmarks $(ARGS)

bench-capacity: .venv/for-test ## measure what one server spends on a job, a waiting job and a worker: five minutes
	@$(IN) benchmarks.capacity $(ARGS)

bench-recovery: .venv/for-test ## kill workers, ours and those of other queues, and time until their jobs run again: 17 minutes
	@$(IN) benchmarks --only recovery --keep $(ARGS)

picture: .venv/for-test ## take the picture of the README anew: a solver run in a JupyterLab
	@$(IN) tools.card_picture

docs: .venv/for-test ## write the generated pages anew, then run every code block of the README and docs
	@$(IN) tools.states_page
	@$(IN) tools.api_page
	@$(IN) pytest -q tests/test_docs.py

lock: ## renew constraints.txt after a change of dependencies (UPGRADE=--upgrade takes the newest of everything)
	@$(NEED_PYTHON)
	@sh tools/lock.sh "$(PYTHON)" $(UPGRADE)

browser-deps: ## where apt-get can, install the Chromium that browser tests drive
	@sh tools/browser-deps.sh

clean: ## remove .venv and everything else that is made
	@rm -rf .venv .venv-lock .servers build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Run each time: it looks at pyproject.toml and constraints.txt itself, and does nothing when they are as installed.
.venv/for-%: always
	@$(NEED_PYTHON)
	@"$(PYTHON)" tools/environment.py $*

.PHONY: always
always:

define NEED_PYTHON
test -n "$(PYTHON)" || { echo "nbqueue needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found: install one\
 (Debian: apt-get install python3 python3-venv), or name it: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3" >&2; exit 1; }
endef
