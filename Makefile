# make demo   set up and run the main study on the sample
# make test   set up and run the tests, in two processes
# make test-services   run the tests of servers, a browser, many processes, whole networks
# make test-wheel   install the wheel elsewhere, with what is downloaded, and use it there
# make test-jax, make test-torch   compare another backend, in an environment without
#             TensorFlow, with what TensorFlow computes
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: demo test test-services test-wheel test-jax test-torch reference lint

demo: $(VENV)/installed
	$(VENV)/bin/python -m experiments.nvie_inception --data sample

test: $(VENV)/installed-dev
	# One thread each: XGBoost's would wait for each other where the cores are taken.
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile

test-services: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile \
		-m 'services and not large'

test-wheel: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest -m network tests/wheel

# Made anew each time, once for both backends.
reference: $(VENV)/installed-dev
	rm -rf $(VENV)/reference
	TF_CPP_MIN_LOG_LEVEL=2 KERAS_BACKEND=tensorflow PYTHONPATH=. $(VENV)/bin/python \
		tests/backends/reference.py $(VENV)/reference

test-jax test-torch: test-%: reference $(VENV)/%/installed
	DUCHENNE_REFERENCE=$(VENV)/reference KERAS_BACKEND=$* \
		$(VENV)/$*/bin/python -m pytest tests/backends

# Inside the other environment, so that whatever passes that over passes these over.
$(VENV)/jax/installed $(VENV)/torch/installed: $(VENV)/%/installed: requirements-%.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m venv $(VENV)/$*
	$(VENV)/$*/bin/python -m pip --disable-pip-version-check install -r $<
	@touch $@

lint: $(VENV)/installed-dev
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed, and this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# The stamps are written last, so that an interrupted installation is repeated.
$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PIP) install -r requirements-dev.txt
	@touch $@ $(VENV)/installed
