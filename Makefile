# What people and CI run. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Tools that cargo builds for us live outside target/, so that `make clean` keeps them.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bookd-tools
export PATH := $(TOOLS)/bin:$(HOME)/.cargo/bin:$(PATH)
export TOOLS

.PHONY: help setup fmt lint deny test demo bench bench-quick bench-kafka clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | awk -F'|' '{ printf "make %-11s %s\n", $$1, $$2 }'

setup: ## Install what the tests need beside Rust (Debian; names what it can't install)
	@.ci/setup

fmt: ## Check the formatting
	cargo fmt --check

lint: ## Clippy over everything, warnings are errors
	cargo clippy --locked --all-targets -- -D warnings

deny: ## Licences, bans and sources of all dependencies
	@.ci/deny

test: setup fmt lint deny ## All checks and all tests, those with a real broker too
	@.ci/test

demo: ## A sales quarter in a few seconds, nothing installed
	cargo run --locked --release -- demo

bench: ## What an event costs, against the plain ways to do it; writes docs/benchmarks.md (half an hour)
	cargo bench --locked --bench events

bench-quick: ## The same small, in a minute, written nowhere
	BOOKD_BENCH_QUICK=1 cargo bench --locked --bench events

bench-kafka: ## bookd on a real broker, beside a bare consumer and an echo; writes docs/benchmarks.md
	cargo bench --locked --bench kafka

clean: ## Remove what was built
	cargo clean
