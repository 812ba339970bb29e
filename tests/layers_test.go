// Package tests holds the rules of the source tree that no compiler checks: which package may import which, what the
// container side may link, where unsafe may be, documentation, file sizes, links. The rules are those of
// docs/architecture.md; an exception is a line in this file with its reason.
//
// The tests read the tree and run the go command; they need no privilege and start no container.
package tests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/tare-run/tare"
	root   = ".."
)

// goPackage is what the go command says of a package.
type goPackage struct {
	ImportPath  string
	Dir         string
	Doc         string
	GoFiles     []string
	CgoFiles    []string
	Imports     []string
	TestGoFiles []string
}

// rel is the package's directory as the rules name it; "." is the command itself.
func (p goPackage) rel() string {
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"), ".")
}

// listPackages runs go list with cgo on, so that the helper is seen as it is built.
func listPackages(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,GoFiles,CgoFiles,Imports,TestGoFiles"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	var list []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// mayImport are the arrows beyond those that every package has: to internal/*, to libcontainer/step, and into its own
// directory. "*" means any package below libcontainer but those in mayNotImport.
var mayImport = map[string][]string{
	".":                       {"libcontainer", "libcontainer/features", "libcontainer/spec", "libcontainer/initproc"},
	"libcontainer":            {"*"},
	"libcontainer/plan":       {"libcontainer/spec", "libcontainer/mountopt", "libcontainer/capabilities", "libcontainer/process", "libcontainer/lsm", "libcontainer/overlay", "libcontainer/notify"},
	"libcontainer/spec":       {"libcontainer/mountopt"},
	"libcontainer/rootfs":     {"libcontainer/mountopt", "libcontainer/overlay"},
	"libcontainer/launch":     {"libcontainer/wire"},
	"libcontainer/initproc":   {"*"},
	"libcontainer/features":   {"*"}, // built from the other packages' own tables
	"libcontainer/checkpoint": {"libcontainer/cgroups"},

	// A program beside the main one: nothing imports it, and it is there to link what nothing else may.
	"internal/helper/tare-helper": {"libcontainer/seccomp/libseccomp", "libcontainer/cgroups/devicefilter/assemble"},
}

// mayNotImport takes arrows away from those with "*".
var mayNotImport = map[string][]string{
	"libcontainer":          {"libcontainer/initproc"},
	"libcontainer/initproc": {"libcontainer", "libcontainer/launch", "libcontainer/state", "libcontainer/cgroups", "libcontainer/spec", "libcontainer/plan", "libcontainer/seccomp"},
	"libcontainer/features": {"libcontainer", "libcontainer/launch", "libcontainer/initproc", "libcontainer/state"},
}

func TestImportArrows(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		for _, imported := range p.Imports {
			to, ok := strings.CutPrefix(imported, module+"/")
			if ok && !arrowAllowed(p.rel(), to) {
				t.Errorf("%s may not import %s", p.rel(), to)
			}
		}
	}
}

func arrowAllowed(from, to string) bool {
	if within(from, "internal") {
		return within(to, "internal") || slices.Contains(mayImport[from], to)
	}
	if within(from, "tests") {
		return within(to, "tests") || within(to, "internal/testutil")
	}
	owner := owner(from)
	for _, refused := range mayNotImport[owner] {
		if to == refused || refused != "libcontainer" && within(to, refused) {
			return false
		}
	}
	allowed := mayImport[owner]
	return within(to, "internal") || to == "libcontainer/step" || owner != "." && owner != "libcontainer" && within(to, owner) ||
		slices.Contains(allowed, to) || slices.Contains(allowed, "*") && within(to, "libcontainer")
}

// owner is the package whose rules hold for a package: below libcontainer its first directory.
func owner(rel string) string {
	parts := strings.SplitN(rel, "/", 3)
	if parts[0] == "libcontainer" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return rel
}

// within says whether a path is dir or lies below it.
func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// thirdParty is where each module of others may be imported: one place, so that it can be replaced in one place.
var thirdParty = map[string][]string{
	"github.com/cilium/ebpf":                 {"libcontainer/cgroups/devicefilter/assemble"},
	"github.com/seccomp/libseccomp-golang":   {"libcontainer/seccomp/libseccomp"},
	"github.com/urfave/cli/v2":               {"."},
	"github.com/moby/sys/mountinfo":          {"libcontainer/cgroups", "libcontainer/resctrl"},            // each finds its file system
	"github.com/go-json-experiment/json":     {"libcontainer", "libcontainer/spec", "libcontainer/state"}, // as if it were encoding/json
	"github.com/opencontainers/runtime-spec": nil,                                                         // the vocabulary of every package above internal
	"golang.org/x/sys":                       nil,                                                         // the kernel's
}

func TestThirdPartyModulesHaveOneHome(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if within(imported, module) || !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			known := false
			for name, homes := range thirdParty {
				if !within(imported, name) {
					continue
				}
				known = true
				if homes != nil && !slices.Contains(homes, p.rel()) {
					t.Errorf("%s imports %s, which only %s may", p.rel(), imported, strings.Join(homes, " and "))
				}
			}
			if !known {
				t.Errorf("%s imports %s, which has no home in this list", p.rel(), imported)
			}
			if within(p.rel(), "internal") && !within(imported, "golang.org/x/sys") {
				t.Errorf("%s imports %s; packages below internal know only the kernel", p.rel(), imported)
			}
		}
	}
}

// heavy is what the lean init must not link: each costs time at every start of every container, or brings threads and
// descriptors of its own into the process that becomes the program.
var heavy = []string{
	"os", "fmt", "encoding/json", "regexp", "context", "net", "log", "os/exec", "os/signal", "os/user", "runtime/cgo",
	"github.com/go-json-experiment/json", "github.com/opencontainers/runtime-spec", "github.com/urfave/cli/v2", "github.com/cilium/ebpf",
}

func TestInitLinksLittle(t *testing.T) {
	for _, p := range initClosure(t) {
		for _, name := range heavy {
			if p.ImportPath == name || strings.Contains(name, ".") && within(p.ImportPath, name) {
				t.Errorf("init links %s", p.ImportPath)
			}
		}
		if len(p.CgoFiles) > 0 {
			t.Errorf("init links %s, which uses cgo", p.ImportPath)
		}
	}
}

func initClosure(t *testing.T) []goPackage {
	list := listPackages(t, "-deps", "./libcontainer/initproc/tare-init")
	if len(list) < 10 {
		t.Fatalf("go list names %d packages", len(list))
	}
	return list
}
