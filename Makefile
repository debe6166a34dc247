# One command each: `make run` shows the virtual board at work, `make test` proves it.
#
# `make test` runs the unit tests on the host, then the KTAP suites in guests. The output of the unit tests is kept
# in target/unit-tests.log; `ktap-host` finds the file through BAYONET_UNIT_TESTS, adds up its `test result:` lines
# with the counts of the suites and writes the last line, `N passed, N failed, N skipped`. A unit test that fails
# does not keep the suites from running; either failure makes the exit status non-zero.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help deps build run test test-viewfinder test-nightly bench lint overlays ipa install install-ipa uninstall-ipa clean

VIRTUAL_BOARD := target/release/bayonet-board
UNIT_TESTS := target/unit-tests.log
# Not bayonet-daemon's `libcamera`: only the build root has its headers.
HOST_FEATURES := bayonet-kernel-tests/host
# What test-nightly spends: random histories of each property, plugs with bayonetd and without it, seconds for each
# fuzz target.
HISTORIES := 100000
PLUGS := 10000
CYCLES := 100
FUZZ_SECONDS := 600
# Coverage for libFuzzer without cargo-fuzz, see tests/fuzz/README.md.
FUZZ_FLAGS := --cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
RUST_VERSION := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# What a preparation starts on the host, and what compiles the board. The rest is in the build root.
PACKAGES := mmdebstrap bubblewrap uidmap debian-archive-keyring gcc libc6-dev
# Readers of DNG files, by others, that the tests show ours to.
ifneq ($(filter test,$(MAKECMDGOALS)),)
PACKAGES += libimage-exiftool-perl dcraw libraw-bin
endif

# A browser and what drives it, unless they are there in whichever package.
ifneq ($(filter test-viewfinder,$(MAKECMDGOALS)),)
PACKAGES += libraw-bin $(if $(wildcard /usr/bin/chromium),,chromium) $(if $(shell command -v npm),,nodejs npm)
endif

# Where overlays are compiled to, and the boards there are.
OVERLAYS := target/overlays
BOARDS := $(basename $(notdir $(wildcard dt-overlays/boards/*.dts)))
# Other sensors of a camera are there and not enabled: they share an address, and their connection is one-sided.
DTC_FLAGS := -@ -Wno-unique_unit_address -Wunique_unit_address_if_enabled -Wno-graph_endpoint -Wno-graph_port \
	-Wno-unit_address_vs_reg

# The IPA as it is built, and where it is installed: PREFIX, DESTDIR; YES=1 changes a configuration file of libcamera
# that is somebody else's without asking.
IPA := target/ipa
PREFIX := /usr/local
IPA_OPTIONS = --prefix "$(PREFIX)" $(if $(DESTDIR),--root "$(DESTDIR)") $(if $(YES),--yes)

# Installs the packages in the shell variable `missing`, after the command in `prepare`.
define install_missing
	if [ $${#missing[@]} -ne 0 ]; then
		echo "make: installing $${missing[*]}"
		install="$$prepare && apt-get update && apt-get install --yes --no-install-recommends $${missing[*]}"
		if [ "$$(id --user)" -eq 0 ]; then
			sh -c "$$install"
		elif command -v sudo > /dev/null; then
			sudo sh -c "$$install"
		else
			echo "make: no sudo here: as root, run" >&2
			echo "  $$install" >&2
			exit 1
		fi
	fi
endef

help: ## Shows this list.
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 21

deps: ## Installs the system packages that are missing; asks for root once.
	@if ! command -v apt-get > /dev/null; then
		echo "make: no apt-get here: install the equivalents of $(PACKAGES) and cargo $(RUST_VERSION)" >&2
		exit 0
	fi
	new_enough() { printf '%s\n' "$(RUST_VERSION)" "$$1" | sort --version-sort --check=quiet; }
	installed=$$(dpkg-query --show --showformat='$${db:Status-Status} $${Package}\n' $(PACKAGES) 2> /dev/null || true)
	missing=()
	for package in $(PACKAGES); do
		grep --quiet --line-regexp "installed $$package" <<< "$$installed" || missing+=("$$package")
	done
	version=$$(cargo --version 2> /dev/null | cut -d ' ' -f 2 || true)
	prepare=true
	if ! new_enough "$${version:-0}"; then
		offered=$$(apt-cache madison cargo | awk '{ print $$3 }' | sort --version-sort | tail -n 1)
		if new_enough "$${offered:-0}"; then
			missing+=("cargo=$$offered" "rustc=$$offered")
		elif grep --quiet '^VERSION_CODENAME=trixie$$' /etc/os-release; then
			# Debian's own newer packages; apt takes nothing from there unless asked to.
			echo "make: cargo $(RUST_VERSION) is in trixie-backports, which will be added to apt's sources"
			list=/etc/apt/sources.list.d/trixie-backports.list
			prepare="echo 'deb http://deb.debian.org/debian trixie-backports main' > $$list"
			missing+=(cargo/trixie-backports rustc/trixie-backports libstd-rust-dev/trixie-backports)
		else
			echo "make: cargo $(RUST_VERSION) or newer is needed and apt offers $${offered:-none}:" >&2
			echo "  install it from https://rustup.rs" >&2
			exit 1
		fi
	fi
	$(install_missing)

build: deps ## Compiles the board and prepares its guest; cached.
	@cargo build --release --package bayonet-board
	$(VIRTUAL_BOARD) build

run: deps ## Boots the board with bayonetd: pictures, an unplug and a plug, lenses, the API.
	@cargo build --release --package bayonet-board
	$(VIRTUAL_BOARD) run --tour

test: deps ## Unit tests on the host, KTAP suites in guests.
	@cargo build --release --package bayonet-board
	$(VIRTUAL_BOARD) build
	status=0
	cargo test --workspace --features $(HOST_FEATURES) --release --no-fail-fast 2>&1 | tee $(UNIT_TESTS) || status=$$?
	BAYONET_UNIT_TESTS=$(UNIT_TESTS) cargo run --quiet --release --package bayonet-kernel-tests \
		--features host --bin ktap-host || status=$$?
	exit $$status

test-viewfinder: deps ## The viewfinder in a headless browser, on the virtual board; pictures of it in target/viewfinder.
	@cargo build --release --package bayonet-board
	$(VIRTUAL_BOARD) build
	mkdir --parents target/viewfinder
	npm --prefix tests/viewfinder ci --no-audit --no-fund
	node --test driver/daemon/viewfinder/tests/*.test.js
	BAYONET_BOARD=$(VIRTUAL_BOARD) SCREENSHOTS=target/viewfinder node --test tests/viewfinder/viewfinder.test.js

test-nightly: deps ## Takes hours: many random histories, many plugs, every I2C transfer, every fuzz target.
	@status=0
	echo "make: 1 of 3: $(HISTORIES) random histories of each property"
	PROPTEST_CASES=$(HISTORIES) cargo test --release --package bayonet-core || status=$$?
	echo "make: 2 of 3: $(PLUGS) plugs, every I2C transfer failing in turn, and the long forms of what unbinds"
	cargo build --release --package bayonet-board
	cargo run --quiet --release --package bayonet-kernel-tests --features host --bin ktap-host -- \
		--only cycles --only nak --only hotplug --only rebind --only recovery \
		--plugs $(PLUGS) --cycles $(CYCLES) --thorough || status=$$?
	echo "make: 3 of 3: every fuzz target for $(FUZZ_SECONDS) s"
	cd tests/fuzz
	built=$$(rustc --version --verbose | sed -n 's/^host: //p')
	nightly=false
	if cargo +nightly fuzz --version > /dev/null 2>&1; then
		nightly=true
	else
		echo "make: no nightly toolchain with cargo-fuzz: without the address sanitizer, see tests/fuzz/README.md"
		if ! RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --release --target "$$built"; then
			echo "make: the fuzz targets cannot be compiled; libFuzzer needs a C++ compiler" >&2
			exit 1
		fi
	fi
	targets=(fuzz_targets/*.rs)
	failed=()
	for index in "$${!targets[@]}"; do
		name=$$(basename "$${targets[index]}" .rs)
		case $$name in
			sensor) seeds=../../tools/board/sensors ;;
			lens_profile) seeds=../../driver/core/lenses ;;
			tuning) seeds=../../ipa-module/src/tuning ;;
			*) seeds=seeds/$$name ;;
		esac
		mkdir --parents "corpus/$$name" "artifacts/$$name"
		options=(-max_total_time=$(FUZZ_SECONDS) -timeout=30 "-artifact_prefix=artifacts/$$name/")
		echo "make: fuzz target $$((index + 1)) of $${#targets[@]}: $$name"
		if $$nightly; then
			cargo +nightly fuzz run --fuzz-dir . "$$name" "corpus/$$name" "$$seeds" -- "$${options[@]}"
		else
			"target/$$built/release/$$name" "$${options[@]}" "corpus/$$name" "$$seeds"
		fi || failed+=("$$name")
	done
	if [ $${#failed[@]} -ne 0 ]; then
		echo "make: failed: $${failed[*]}; what they failed on is in tests/fuzz/artifacts" >&2
		status=1
	fi
	exit $$status

bench: deps ## Measures emulator, imaging beside its peers, recorder, then Bayonet's IPA beside libcamera's (IPA_COMPARE: options).
	@cargo bench --quiet --package bayonet-board --bench cost
	cargo bench --quiet --package bayonet-imaging --bench cost
	cargo bench --quiet --package bayonet-daemon --bench recorder
	cargo bench --quiet --package bayonet-daemon --bench cameras
	cargo build --release --package bayonet-board
	$(VIRTUAL_BOARD) build
	cargo run --quiet --release --package bayonet-kernel-tests --features host --bin ipa-compare -- $(IPA_COMPARE)

lint: deps ## Format, clippy, licences.
	@cargo fmt --all --check
	cargo build --quiet --release --package bayonet-board
	# From nothing it is mostly a download, and clippy does not need it.
	$(VIRTUAL_BOARD) build & preparing=$$!
	trap 'kill $$preparing 2> /dev/null || true' EXIT
	# With --release it shares macros and build scripts with what is compiled.
	cargo clippy --release --workspace --all-targets --features $(HOST_FEATURES) --locked -- -D warnings
	wait $$preparing
	$(VIRTUAL_BOARD) cargo -- clippy --quiet --release --package bayonet-daemon --features libcamera --all-targets --locked -- -D warnings
	if cargo deny --version > /dev/null 2>&1; then
		cargo deny check licenses bans sources
		if cargo deny fetch > /dev/null 2>&1; then
			cargo deny check advisories
		else
			echo "make: SKIPPED cargo deny check advisories: the advisory database cannot be fetched"
		fi
	else
		echo "make: SKIPPED cargo deny: not installed (cargo install --locked cargo-deny)"
	fi

overlays: ## Compiles the device tree overlays to target/overlays.
	@missing=() prepare=true
	if command -v apt-get > /dev/null; then
		command -v cpp > /dev/null || missing+=(cpp)
		command -v dtc > /dev/null || missing+=(device-tree-compiler)
	fi
	$(install_missing)
	mkdir --parents $(OVERLAYS)
	for board in $(BOARDS); do
		cpp -nostdinc -undef -x assembler-with-cpp -P -D__DTS__ -I dt-overlays -o $(OVERLAYS)/$$board.pre \
			dt-overlays/boards/$$board.dts
		dtc $(DTC_FLAGS) -I dts -O dtb -o $(OVERLAYS)/bayonet-$$board.dtbo $(OVERLAYS)/$$board.pre
		rm $(OVERLAYS)/$$board.pre
		echo "$(OVERLAYS)/bayonet-$$board.dtbo"
	done

ipa: ## Compiles the IPA and its installer to target/ipa.
	@cargo build --release --package bayonet-ipa --package bayonet-cli
	install -D --mode=755 --target-directory=$(IPA) target/release/bayonet target/release/soft_ipa_proxy
	install --mode=644 --target-directory=$(IPA) target/release/libbayonet_ipa.so
	rm --recursive --force $(IPA)/tuning
	install -D --mode=644 --target-directory=$(IPA)/tuning ipa-module/src/tuning/*.yaml

install-ipa: ## Puts the IPA where libcamera finds it (PREFIX, DESTDIR, YES).
	@# Root often has no cargo, and shall leave no files in target.
	if [ "$$(id --user)" -ne 0 ] || [ ! -e $(IPA)/soft_ipa_proxy ]; then $(MAKE) --no-print-directory ipa; fi
	$(IPA)/bayonet ipa install --from $(IPA) $(IPA_OPTIONS)

uninstall-ipa: ## Undoes install-ipa (PREFIX, DESTDIR, YES).
	@if [ ! -e $(IPA)/bayonet ]; then $(MAKE) --no-print-directory ipa; fi
	$(IPA)/bayonet ipa remove $(IPA_OPTIONS)

install: overlays ## Puts this board's overlay where its boot loader looks, and the IPA (BOARD, DESTDIR, as install-ipa).
	@board="$(BOARD)"
	if [ -z "$$board" ]; then
		has() { tr '\0' '\n' < /proc/device-tree/compatible 2> /dev/null | grep --quiet --line-regexp "$$1"; }
		# The Raspberry Pi kernel's trees have this label, mainline's have not.
		raspberry_pi() { [ -e /proc/device-tree/__symbols__/i2c_csi_dsi ]; }
		suffix=-mainline
		if raspberry_pi; then suffix=; fi
		if has raspberrypi,5-model-b; then board=pi5$$suffix
		elif has raspberrypi,5-compute-module; then board=cm5
		elif has raspberrypi,4-model-b; then board=pi4$$suffix
		elif has raspberrypi,4-compute-module; then board=cm4$$suffix
		elif has radxa,rock-5b-plus; then board=rock-5b-plus
		elif has radxa,rock-5b; then board=rock-5b
		elif has fsl,imx8mp-evk; then board=imx8mp-evk
		else
			echo "make: this is none of the boards there are; name one: make install BOARD=NAME" >&2
			echo "  $(BOARDS)" >&2
			exit 1
		fi
	fi
	if [ ! -e $(OVERLAYS)/bayonet-$$board.dtbo ]; then
		echo "make: no overlay for the board $$board; there are $(BOARDS)" >&2
		exit 1
	fi
	# The Raspberry Pi's firmware looks in overlays/ beside config.txt; u-boot-menu takes files of /boot/dtbo.
	case $$board in
		pi* | cm*)
			directory=/boot/firmware/overlays
			if [ -z "$(DESTDIR)" ] && [ ! -d /boot/firmware ]; then directory=/boot/overlays; fi
			;;
		*) directory=/boot/dtbo ;;
	esac
	install -D --mode=644 $(OVERLAYS)/bayonet-$$board.dtbo "$(DESTDIR)$$directory/bayonet.dtbo"
	echo "$(DESTDIR)$$directory/bayonet.dtbo: how to load it is in dt-overlays/README.md"
	$(MAKE) --no-print-directory install-ipa

clean: ## Removes what was compiled; the guest stays in the cache.
	@cargo clean
	echo "The guest and its build root stay in $${BAYONET_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/bayonet}."
