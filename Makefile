# The two commands: `make run` serves S3, `make test` runs every test. `make help` lists the rest.
BUILD   ?= build
PRESET  ?= release
CONFIG  ?= conf/europe-se-1a.conf
PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: all help deps test-deps build run test test-keystone check lint conformance bench soak fuzz install clean

all: build

help:
	@sed -n 's/^## //p' Makefile

## make             build build/hink (release)
build:
	@tools/deps --check build
	@cmake --preset $(PRESET) -DHINK_TESTS=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) >$(BUILD).log 2>&1 \
	  || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@cmake --build $(BUILD)

## make deps        install the Debian packages that building needs
deps:
	@tools/deps --install build

## make test-deps   install what the tests need: Debian packages, a Python virtual environment
test-deps:
	@tools/deps --install build test
	@tools/venv build/venv

## make run         install what is missing, build, and serve the zone of CONFIG (Ctrl-C stops it)
run: deps build
	@exec $(BUILD)/hink serve --config $(CONFIG)

## make check       the quick tests: unit, contract and the checks on the source (under 20 s)
check: build-tests
	@tools/run-tests --quick $(BUILD)

## make test        install what the tests need, build, and run everything but the soak tests
test: test-deps build-tests
	@tools/run-tests $(BUILD)

.PHONY: build-tests
build-tests:
	@cmake --preset $(PRESET) -DHINK_TESTS=ON -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build $(BUILD)

## make lint        the checks on the source alone
lint:
	@tools/lint

## make test-keystone   the same with the users of a real Keystone, which it installs (Debian's package)
test-keystone: test-deps build-tests
	@apt-get install -y -q --no-install-recommends python3-keystone >/dev/null
	@HINK_TEST_KEYSTONE=1 HINK=$(CURDIR)/$(BUILD)/hink build/venv/bin/python -m pytest -q tests/s3/test_keystone.py

## make conformance S3TESTS=DIR   run a checkout of ceph/s3-tests against a server of its own
conformance: test-deps build
	@build/venv/bin/python tests/s3/conformance.py --s3tests "$(S3TESTS)" --hink $(BUILD)/hink

## make bench       measure this machine and hink on it, side by side
bench: build-tests
	@tests/bench/run $(BUILD)/hink

## make soak        kill -9 loops, floods and load, for SOAK_SECONDS each (default 600)
soak: test-deps build-tests
	@tools/soak $(BUILD)

## make fuzz        run each fuzz target for FUZZ_SECONDS (default 60)
fuzz:
	@tools/fuzz

## make install     install under DESTDIR/PREFIX
install: build
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD)
