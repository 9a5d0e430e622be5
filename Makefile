# Every target makes the environment it needs; nothing has to be installed before but Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: help install demo test test-web lint bench gpu faults slurm fuzz outside clean

help:
	@echo 'make demo     the main job on synthetic stand-in data: pre-train, evaluate, draw (10 min)'
	@echo 'make test     the tests'
	@echo 'make test-web the page of tools/serve.py in Chromium, if there is one'
	@echo 'make lint     ruff'
	@echo 'make docs     the documentation site, in docs/_build/html'
	@echo 'make bench    every stage against what one would otherwise run (BENCH="--short views")'
	@echo 'make faults   the long drills: 10 kills, 96 signals, 2,000 iterations (half an hour)'
	@echo 'make gpu      tests and benchmarks on a CUDA GPU (10 min; PYTHON=python3 takes that one)'
	@echo 'make slurm    the drill on a real Slurm, which must be installed (see docs/clusters.md)'
	@echo 'make fuzz     100,000 mutated files for each parser (half an hour; FUZZ="--inputs 1000")'
	@echo 'make outside  methods outside the package: killed and resumed, on two ranks (a minute)'
	@echo 'make package  wheel and source archive, in dist/ (CONTRIBUTING.md)'
	@echo 'make quickstart-encoder  train the small synthetic encoder that the package brings (5 min)'
	@echo 'make install  the environment alone, in $(VENV)'

install: $(STAMP)

$(STAMP): requirements.txt setup.py
	$(PYTHON) -m venv $(VENV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo 'the pinned environment needs Python 3.11: make PYTHON=/path/to/python3.11'; exit 1; }
	@echo 'installing the pinned environment into $(VENV)'
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/python tools/demo.py $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(TESTS)

# Playwright drives the Chromium of the system, so it need not download one.
test-web: $(STAMP)
	$(BIN)/pip install --disable-pip-version-check --quiet playwright==1.65.2
	$(BIN)/python -m pytest -rs tests/serving/page_in_chromium.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# A warning is an error. The pages load nothing from a network.
.PHONY: docs
docs: $(STAMP)
	$(BIN)/pip install --disable-pip-version-check --quiet -c requirements.txt -r docs/requirements.txt
	$(BIN)/python -m sphinx -q -W --keep-going --jobs auto -b html docs docs/_build/html
	@echo 'the pages are in docs/_build/html: open index.html'

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(BENCH)

# On a machine with a GPU, a Python that has all packages is taken as it is.
gpu:
	@if $(PYTHON) -c 'import mmaction, mmengine, pytest, torch' 2> /dev/null; \
	then $(PYTHON) -m benchmarks.gpu $(GPU); \
	else $(MAKE) $(STAMP) && $(BIN)/python -m benchmarks.gpu $(GPU); fi

.PHONY: package quickstart-encoder
# MMCMD_REPOSITORY says where the source is published, for the links on an index page.
package: $(STAMP)
	rm -rf dist build
	$(BIN)/python setup.py -q sdist
	$(BIN)/pip wheel --disable-pip-version-check --quiet --no-deps --no-build-isolation -w dist .
	rm -rf build mmcmd.egg-info
	@ls -l dist

QUICKSTART := work_dirs/quickstart
quickstart-encoder: $(STAMP)
	$(BIN)/python tools/data/make_synthetic.py data/synthetic
	$(BIN)/python tools/data/convert.py ntu data/synthetic --out data/synthetic.pkl
	$(BIN)/python tools/train.py configs/recipes/small.py --data synthetic_xsub --seed 0 \
	    --work-dir $(QUICKSTART) --cfg-options model.backbone.hidden_size=32 final_evaluation=False
	$(BIN)/python tools/model_converters/publish_model.py $(QUICKSTART)/epoch_12.pth \
	    mmcmd/quickstart/encoder --licence apache-2.0 \
	    --data-licence 'apache-2.0 (SYNTHETIC: simulated by mmcmd, nobody was recorded)'

fuzz: $(STAMP)
	$(BIN)/python tests/faults/fuzz_parsers.py $(FUZZ)

faults: $(STAMP)
	$(BIN)/python tests/faults/kill_and_resume.py $(KILLS)
	$(BIN)/python tests/faults/kill_and_resume.py --method aimclr $(KILLS)
	$(BIN)/python tests/faults/preemption.py $(SIGNALS)
	$(BIN)/python tests/faults/soak.py $(SOAK)

slurm: $(STAMP)
	$(BIN)/python tests/faults/slurm_drill.py

outside: $(STAMP)
	$(BIN)/python -m pytest tests/outside/processes.py

clean:
	rm -rf work_dirs data/synthetic* .pytest_cache .ruff_cache
