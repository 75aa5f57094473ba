# Two commands are all it takes: `make quickstart` trains and tests a small model on a CPU, `make test` runs the tests.
# Both make .venv first when it is missing or older than pyproject.toml.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL := $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/pip install --disable-pip-version-check)
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help quickstart figure5 table1 furniture views test test-slow lint clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

quickstart: $(READY) ## train, sample and test a small Next-DiT on handwritten digits
	$(BIN)/lumina fit --config experiments/quickstart/digits.yaml
	$(BIN)/lumina test --ckpt_path runs/digits

FIGURE5 := experiments/toy/figure5_next_dit.yaml
figure5: $(READY) ## train Next-DiT, SiT and Flag-DiT at toy size on Fashion-MNIST and draw figure 5
	$(BIN)/lumina fit --config $(FIGURE5)
	$(BIN)/lumina fit --config $(FIGURE5) --config experiments/toy/figure5_sit.yaml
	$(BIN)/lumina fit --config $(FIGURE5) --config experiments/toy/figure5_flag_dit.yaml
	$(BIN)/lumina report --runs='[runs/figure5_toy_next_dit,runs/figure5_toy_sit,runs/figure5_toy_flag_dit]' --output runs/figure5_toy.png

table1: $(READY) ## train and evaluate Next-DiT and DeiT at toy size on clip art: table 1 and figure 20
	$(BIN)/python -m benchmarks.table1

FURNITURE := experiments/toy/furniture.yaml
furniture: $(READY) ## train, evaluate and sample point clouds of furniture at many densities
	$(BIN)/lumina fit --config $(FURNITURE)
	$(BIN)/lumina test --ckpt_path runs/furniture
	$(BIN)/python -m benchmarks.densities --ckpt_path runs/furniture --points 256 512 1024 2048 --pictures runs --output runs/densities.json

OBJECTS := data/objects
views: $(READY) ## render ten objects from all sides, train on their views and draw some by a caption and by a picture
	$(BIN)/lumina render package:datamodules/data/objects $(OBJECTS) --size=32
	$(BIN)/lumina fit --config experiments/quickstart/views.yaml
	$(BIN)/lumina sample --weights runs/objects --prompt "red chair" --views 8
	$(BIN)/lumina sample --weights runs/objects --reference $(OBJECTS)/horse/00_reference.png --views 8

# One thread for each of the processes that share the tests.
test: $(READY) ## run the tests that take seconds
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist loadfile

test-slow: $(READY) ## run the tests that take minutes
	$(BIN)/pytest -m slow

lint: $(READY) ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean: ## remove the environment and every cache; runs/ stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml scripts/system_libraries.sh scripts/without_dependencies.txt
	@python='$(PYTHON)'; $${python:-false} -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'lumina needs Python 3.11 or newer: install it, or name one with `make PYTHON=/path/to/python3.12`.' >&2; exit 1; }; \
	bash scripts/system_libraries.sh $$python && { test -x $(BIN)/pip || $$python -m venv .venv; }
	$(INSTALL) -e '.[all,dev]'
	$(INSTALL) --no-deps -r scripts/without_dependencies.txt
	@touch $@
