# Three commands, each complete on a machine with Python 3.11, make and the package registries.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready

.PHONY: up demo test stress lint lock clean

up: $(READY)          ## a student's day: JupyterLab on the sample district
	@$(BIN)/practicum up

demo: $(READY)        ## the main job: district, lab, cohort, grading, certificates, verification
	@$(BIN)/practicum demo

test: $(READY) lint   ## every check; tests/conftest.py says how tests share out the cores
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --durations 15

stress: $(READY)      ## what takes too long for every day: runs killed again and again
	@$(BIN)/python -m pytest tests/stress/stress_*.py

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

$(READY): requirements.lock pyproject.toml .ci/setup
	@PYTHON=$(PYTHON) sh .ci/setup

lock: $(READY)        ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --extra dev --generate-hashes --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .cache build dist
