# Most targets make the environment that they need. Only Python 3.11 must be installed before.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: help install demo test test-web lint bench gpu faults slurm fuzz outside clean

help:
	@echo 'make install  make the environment $(VENV); most targets make it, too'
	@echo 'make demo     pre-train, evaluate and draw on simulated data (10 min; DEMO=--short: 1 min)'
	@echo 'make test     run the tests (TESTS=tests/models: only these)'
	@echo 'make test-web test the page of tools/serve.py in the Chromium of the system'
	@echo 'make lint     check style and format with ruff'
	@echo 'make docs     build the documentation site, in docs/_build/html'
	@echo 'make package  build wheel and source archive, in dist (see CONTRIBUTING.md)'
	@echo 'make bench    time every stage and the usual alternative (1 h; BENCH="--short views")'
	@echo 'make gpu      run tests and benchmarks on a GPU (9 min; PYTHON=python3: in that Python)'
	@echo 'make faults   kill, stop and resume trainings many times (half an hour)'
	@echo 'make slurm    test on a Slurm cluster of one node (5 min; see docs/clusters.md)'
	@echo 'make fuzz     give 100,000 wrong files to each parser (FUZZ="--inputs 1000": fewer)'
	@echo 'make outside  kill and resume methods outside the package, on two ranks (1 min)'
	@echo 'make quickstart-encoder  train the small encoder of the quick start again (5 min)'
	@echo 'make clean    remove work_dirs with all runs, data/synthetic* and caches'

install: $(STAMP)

# The version is checked first: an environment with two versions of Python would be broken.
$(STAMP): requirements.txt setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo 'the pinned environment needs Python 3.11: make PYTHON=/path/to/python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo 'installing the pinned environment into $(VENV)'
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/python tools/demo.py $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(TESTS)

# Playwright uses the Chromium of the system, so it need not download one.
test-web: $(STAMP)
	$(BIN)/pip install --disable-pip-version-check --quiet playwright==1.65.2
	$(BIN)/python -m pytest -rs tests/serving/page_in_chromium.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# A warning is an error. The pages load nothing from the network.
.PHONY: docs
docs: $(STAMP)
	$(BIN)/pip install --disable-pip-version-check --quiet -c requirements.txt -r docs/requirements.txt
	$(BIN)/python -m sphinx -q -W --keep-going --jobs auto -b html docs docs/_build/html
	@echo 'the pages are in docs/_build/html: open index.html'

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(BENCH)

# A Python that already has all packages is used as it is.
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
