# make          builds ./tare, one static binary
# make test     everything; as root (see CONTRIBUTING.md for the parts)
# make demo     installs what is missing, builds, runs one container and says what it proved; as root
#
# SECCOMP=0     build without libseccomp: such a tare refuses every seccomp profile
# RUNTIME=PATH  run the conformance programs against another runtime
# PREFIX, DESTDIR  for install
# EMULATOR=PROGRAM  runs what is built for another architecture

GO      ?= go
SECCOMP ?= 1
PREFIX  ?= /usr/local
VERSION ?= 0.1.0-dev
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
RUNTIME ?= $(CURDIR)/tare

MODULE    := github.com/tare-run/tare
INIT      := libcontainer/launch/embedded/tare-init
HELPER    := internal/helper/embedded/tare-helper
MAN_PAGES := $(patsubst %.md,build/%,$(wildcard man/*.8.md))

# urfave_cli_no_docs leaves a template engine out of the binary, which every start would pay for.
TAGS     := urfave_cli_no_docs tare_embed_init tare_embed_helper
EMBEDDED := init helper

# With cgo the helper has libseccomp in it, and is static all the same, so that it runs from memory on any host.
ifeq ($(SECCOMP),1)
HELPER_CGO   := 1
HELPER_NEEDS := build/.libseccomp
HELPER_FLAGS := -tags netgo,osusergo -ldflags '-s -w -linkmode external -extldflags "-static"'
else
HELPER_CGO   := 0
HELPER_FLAGS := -ldflags '-s -w'
export CGO_ENABLED := 0
endif

# The commit is given by -X: the stamp of the go command would need a git work tree that git trusts.
BUILD   := $(GO) build -trimpath -buildvcs=false
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.gitCommit=$(COMMIT)

.DEFAULT_GOAL := all
.PHONY: all static tare init helper deps need-root
.PHONY: test test-here engines-then conformance-then test-engines test-containerd test-kubelet test-crio test-vm test-matrix unit integration conformance layers faults bench fuzz demo lint fmt man install install-files uninstall deb release test-install clean

all: tare

# --- build ------------------------------------------------------------------------------------------------------------
# What is out of date is the go command's to know: each of these is cheap when nothing changed.

static: tare

tare: $(EMBEDDED)
	id=$$(sha256sum $(INIT) | cut -c1-32) && CGO_ENABLED=0 $(BUILD) -tags '$(TAGS)' \
		-ldflags "$(LDFLAGS) -X $(MODULE)/libcontainer/launch.imageID=$$id" -o $@ .

# The container's side alone, embedded into tare because it starts twice as fast as the whole binary.
init:
	@mkdir -p $(dir $(INIT))
	CGO_ENABLED=0 $(BUILD) -ldflags '-s -w' -o $(INIT) ./libcontainer/initproc/tare-init

# The only program of tare that links C, or the eBPF assembler.
helper: $(HELPER_NEEDS)
	@mkdir -p $(dir $(HELPER))
	CGO_ENABLED=$(HELPER_CGO) $(BUILD) $(HELPER_FLAGS) -o $(HELPER) ./internal/helper/tare-helper
	$(EMULATOR) $(HELPER) describe > $(HELPER).txt

build/.libseccomp:
	@mkdir -p build
	@echo 'int seccomp_api_get(void); int main(void) { return seccomp_api_get() == 0; }' | \
		$${CC:-cc} -x c - -x none -static -lseccomp -o $@ 2>/dev/null || { \
		echo 'tare needs a C compiler and a static libseccomp to compile seccomp profiles:'; \
		echo '    make deps           installs them (Debian, Ubuntu; as root)'; \
		echo '    make SECCOMP=0      builds a tare that refuses every seccomp profile'; \
		exit 1; } >&2

# --- what the other targets need ----------------------------------------------------------------------------------------

deps:
	@tests/deps

need-root:
	@[ "$$(id -u)" = 0 ] || { \
		echo 'This target creates containers and needs root: sudo make $(MAKECMDGOALS).'; \
		echo 'Without root: make, make unit, make lint.'; \
		exit 1; } >&2

# --- tests ------------------------------------------------------------------------------------------------------------

# The virtual machines want one processor for ten minutes; the other one has the rest to do. All in one make, so that ./tare is
# built once and then stays: tests/install makes it anew.
test: need-root unit
	tests/deps vm
	tests/deps engines
	rm -rf build/matrix
	$(MAKE) --jobs=2 --output-sync=target test-vm test-here engines-then conformance-then
	tests/install
	[ -n "$$MATRIX_RUN" ] || tests/skipped build/matrix/*.log

# All packages except the integration tests, as they are shipped; ./tests holds the rules of the source tree.
unit: $(EMBEDDED)
	$(GO) vet ./...
	$(GO) test -tags '$(TAGS)' $$($(GO) list ./... | grep -vE /tests/'(integration|engines)')

layers:
	$(GO) test -count=1 ./tests

# With the cgroups of the host, with its cgroup2 hierarchy alone, and with its v1 hierarchies alone, where it has more than
# one kind.
integration: need-root tare
	$(INTEGRATION)

INTEGRATION := tests/matrix host v2 v1

# What Kubernetes has beside an engine, of the Go modules that it comes from.
KUBERNETES  := build/bin/crictl build/bin/critest build/bin/applet build/cni
CRI_TOOLS   := sigs.k8s.io/cri-tools
CRI_VERSION := v1.34.0
CNI_PLUGINS := github.com/containernetworking/plugins/plugins
CNI_VERSION := v1.10.0

# The second demo is that of a user without privileges, whom it makes and removes.
test-here: need-root tare
	tests/demo/demo $(CURDIR)/tare
	tests/demo/rootless $(CURDIR)/tare
	$(INTEGRATION)

# Not beside the integration tests, which look at all device filters of the kernel.
engines-then: test-here $(KUBERNETES)
	$(TRY_ENGINES)

conformance-then: test-here test-vm
	$(CONFORM)

# The same tests in virtual machines: every controller of cgroup v2, AppArmor, SELinux, systemd. Then the suite of cgroup
# managers with the system's systemd, and with a user's. The first time kernels and an image are downloaded and made.
test-vm: need-root tare
	tests/deps vm
	tests/matrix vm vm-selinux vm-systemd
	for user in '' 1; do \
		VM_SCRIPT=$(CURDIR)/tests/vm/systemd VM_USER=$$user $(GO) test -count=1 -exec $(CURDIR)/tests/vm/exec \
			-run TestSystemdManager ./libcontainer/cgroups || exit 1; \
	done

# Podman, Buildah, Docker and containerd of the distribution, and its CRI by crictl. ENGINES=-all tries the same with runc and crun, and prints a table.
test-engines: need-root tare $(KUBERNETES)
	$(TRY_ENGINES)

build/bin/crictl:
	GOBIN=$(CURDIR)/build/bin $(GO) install $(CRI_TOOLS)/cmd/crictl@$(CRI_VERSION)

# critest is a test of its module, and calls the ginkgo that its module requires.
build/bin/critest:
	@mkdir -p build/bin
	cd "$$($(GO) mod download -json $(CRI_TOOLS)@$(CRI_VERSION) | sed -n 's/^\t"Dir": "\(.*\)",/\1/p')" && \
		GOBIN=$(CURDIR)/build/bin $(GO) install github.com/onsi/ginkgo/v2/ginkgo && $(GO) test -c -o $(CURDIR)/$@ ./cmd/critest

build/bin/applet: tests/engines/applet/main.go
	CGO_ENABLED=0 $(BUILD) -o $@ ./tests/engines/applet

build/cni:
	GOBIN=$(CURDIR)/$@ $(GO) install $(CNI_PLUGINS)/main/bridge@$(CNI_VERSION) $(CNI_PLUGINS)/main/loopback@$(CNI_VERSION) \
		$(CNI_PLUGINS)/ipam/host-local@$(CNI_VERSION) $(CNI_PLUGINS)/meta/portmap@$(CNI_VERSION)

# The same with containerd 2, which the distribution does not have, in place of its own; two minutes of a processor to build.
test-containerd: need-root tare $(KUBERNETES) build/containerd
	PATH=$(CURDIR)/build/containerd:$$PATH && export PATH && $(TRY_ENGINES) -run 'Containerd|CRI$$|CRINetwork|Critest|Restart'

CONTAINERD         := github.com/containerd/containerd/v2/cmd
CONTAINERD_VERSION := v2.4.2
build/containerd:
	GOBIN=$(CURDIR)/$@ $(GO) install -tags 'no_btrfs no_devmapper no_zfs' -ldflags '-s -w' $(CONTAINERD)/containerd@$(CONTAINERD_VERSION) \
		$(CONTAINERD)/containerd-shim-runc-v2@$(CONTAINERD_VERSION) $(CONTAINERD)/ctr@$(CONTAINERD_VERSION)

# A kubelet without a cluster, over containerd 2; four minutes of a processor to build.
test-kubelet: need-root tare $(KUBERNETES) build/containerd build/bin/kubelet
	PATH=$(CURDIR)/build/containerd:$$PATH && export PATH && $(TRY_ENGINES) -run 'TestKubelet$$'

build/bin/kubelet: tests/kubelet/go.mod tests/kubelet/go.sum
	cd tests/kubelet && $(GO) build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ k8s.io/kubernetes/cmd/kubelet

# CRI-O, which the distribution does not have. It takes nine minutes of a processor to build, so make test leaves it out.
test-crio: need-root tare build/bin/crictl build/bin/crio build/bin/pinns
	$(TRY_ENGINES) -run 'TestCRIO$$'

CRIO_TAGS := containers_image_openpgp exclude_graphdriver_btrfs seccomp
build/bin/crio: tests/crio/go.mod tests/crio/go.sum
	tests/deps crio
	cd tests/crio && $(GO) build -trimpath -tags '$(CRIO_TAGS)' -ldflags '-s -w' -o $(CURDIR)/$@ github.com/cri-o/cri-o/cmd/crio

# CRI-O's helper in C. The module is there once crio is built.
build/bin/pinns: build/bin/crio
	$${CC:-cc} -O2 -o $@ "$$(cd tests/crio && $(GO) list -m -f '{{.Dir}}' github.com/cri-o/cri-o)"/pinns/src/*.c

TRY_ENGINES = tests/deps engines && TARE_BINARY=$(CURDIR)/tare $(GO) test -count=1 -timeout 20m ./tests/engines $(ENGINES)

# All environments, and what was skipped in every one.
test-matrix: need-root tare
	tests/deps vm
	rm -rf build/matrix
	tests/matrix host v2 v1 vm vm-selinux vm-systemd
	[ -n "$$MATRIX_RUN" ] || tests/skipped build/matrix/*.log

# A fault at every system call of every verb, on either side; about twenty minutes.
faults: need-root tare
	TARE_BINARY=$(CURDIR)/tare $(GO) test -count=1 -timeout 2h -run Fault ./tests/integration -faults 0

# The validation programs of the OCI. CONFORMANCE=-update records changed verdicts.
conformance: need-root tare
	$(CONFORM)

CONFORM = cd tests/conformance && $(GO) vet . && RUNTIME=$(RUNTIME) $(GO) test -count=1 -timeout 20m $(CONFORMANCE)

# Interleaved with runc and crun, where they are installed; the options are those of tests/bench.
bench: need-root tare
	tests/deps bench
	$(BUILD) -o build/bench ./tests/bench
	build/bench -tare $(CURDIR)/tare $(BENCHFLAGS)

# Every fuzz target for FUZZTIME.
FUZZTIME ?= 10s
fuzz:
	GO='$(GO)' tests/fuzz $(FUZZTIME)

demo: need-root
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory tare
	@tests/demo/demo $(CURDIR)/tare

# --- care -------------------------------------------------------------------------------------------------------------

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	cd tests/conformance && $(GO) vet ./...
	if command -v golangci-lint >/dev/null; then golangci-lint run; fi

fmt:
	gofmt -w $$(git ls-files '*.go')

man: $(MAN_PAGES)

# The converter is a module that urfave/cli brings along.
build/man/%.8: man/%.8.md
	@mkdir -p build/man
	$(GO) run github.com/cpuguy83/go-md2man/v2 -in $< -out $@

# --- install -----------------------------------------------------------------------------------------------------------

MAN_DIR  = $(DESTDIR)$(PREFIX)/share/man/man8
BASH_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR  = $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
FISH_DIR = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

install: tare install-files

# Without building: for packages, whose binary is there.
install-files: man
	install -D -m 0755 tare $(DESTDIR)$(PREFIX)/sbin/tare
	install -d $(MAN_DIR) $(BASH_DIR) $(ZSH_DIR) $(FISH_DIR)
	install -m 0644 $(MAN_PAGES) $(MAN_DIR)/
	install -m 0644 completions/tare.bash $(BASH_DIR)/tare
	install -m 0644 completions/_tare $(ZSH_DIR)/_tare
	install -m 0644 completions/tare.fish $(FISH_DIR)/tare.fish

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/tare $(addprefix $(MAN_DIR)/,$(notdir $(MAN_PAGES))) \
		$(BASH_DIR)/tare $(ZSH_DIR)/_tare $(FISH_DIR)/tare.fish

# A Debian package of ./tare, in build.
deb: tare
	packaging/deb

# The binaries, amd64 and arm64, with what belongs to them, in build/release.
release:
	packaging/release

# Installs, by make and by dpkg, and looks at the result; as root.
test-install: need-root tare
	tests/install

clean:
	rm -rf tare build $(INIT) $(HELPER) $(HELPER).txt
