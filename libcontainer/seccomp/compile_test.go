//go:build cgo

package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper"
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/libcontainer/seccomp/libseccomp"
)

func mustLoadProfile(t testing.TB) *specs.LinuxSeccomp {
	t.Helper()
	text, err := os.ReadFile("testdata/docker-default.json")
	if err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(text, &profile); err != nil {
		t.Fatal(err)
	}
	return &profile
}

// The second time the program comes from the cache, and is the same (O1).
func TestCompileUsesCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	profile := withRule(specs.LinuxSyscall{Names: []string{"umask", "no_such_call"}, Action: specs.ActErrno})
	first, err := Compile(profile, dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.NotCached != nil || first.Flags != unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW || !slices.Equal(first.Unknown, []string{"no_such_call"}) {
		t.Errorf("program %+v", first)
	}
	withCompiler(t, helper.Helper{Executable: []byte("cannot be executed"), Description: compiler().Description})
	second, err := Compile(profile, dir)
	if err != nil {
		t.Fatalf("the helper was called in spite of the cache: %v", err)
	}
	if !bytes.Equal(first.Filter, second.Filter) || !slices.Equal(first.Unknown, second.Unknown) || second.Flags != first.Flags {
		t.Errorf("cached %+v, compiled %+v", second, first)
	}
	profile.Syscalls[0].Names[0] = "chdir"
	if _, err := Compile(profile, dir); err == nil {
		t.Error("another profile was found in the cache")
	}
}

// A profile that is wrong in itself is refused before anything is started or stored, with the place (security rule 12).
func TestCompileChecks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	profile := withRule(specs.LinuxSyscall{Action: specs.ActNotify})
	_, err := Compile(profile, dir)
	f, ok := err.(*fault.Error)
	if !ok || f.Pointer != "/linux/seccomp/syscalls/0/action" {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cache was made: %v", err)
	}
}

// A filter that cannot be kept costs time, not the filter.
func TestCompileWhatCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	profile := withRule(specs.LinuxSyscall{Action: specs.ActErrno})
	if _, err := Compile(profile, dir); err != nil {
		t.Fatal(err)
	}
	kept := keptFilters(t, dir)
	if len(kept) != 1 {
		t.Fatalf("kept %q", kept)
	}
	if err := errors.Join(os.Remove(kept[0]), os.Mkdir(kept[0], 0o700)); err != nil {
		t.Fatal(err)
	}
	program, err := Compile(profile, dir)
	if err != nil || len(program.Filter) == 0 || program.NotCached == nil {
		t.Errorf("program %+v, %v", program, err)
	}
}

func keptFilters(t *testing.T, dir string) []string {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(dir, "seccomp-*"))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// A build that cannot compile profiles refuses them (O1, security rule 12).
func TestCompileNeedsLibseccomp(t *testing.T) {
	for name, h := range map[string]helper.Helper{
		"no helper":            {},
		"helper without it":    {Executable: compiler().Executable, Description: "id 1-ff\ncompiles devices\n"},
		"description was lost": {Executable: compiler().Executable},
		"executable was lost":  {Description: compiler().Description},
		"not a helper at all":  {Executable: mustRead(t, "/bin/echo"), Description: serve.Describe(mustRead(t, "/bin/echo"), libseccomp.Compilers()...)},
	} {
		t.Run(name, func(t *testing.T) {
			withCompiler(t, h)
			program, err := Compile(withRule(specs.LinuxSyscall{Action: specs.ActErrno}), t.TempDir()+"/cache")
			if err == nil || program != nil || errors.Is(err, fault.ErrNotSupported) == Enabled() {
				t.Errorf("program %+v, error %v; enabled: %v", program, err, Enabled())
			}
		})
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// withCompiler runs the rest of a test as in a build with another helper, or none.
func withCompiler(t *testing.T, h helper.Helper) {
	t.Helper()
	old := compiler
	t.Cleanup(func() { compiler = old })
	compiler = func() helper.Helper { return h }
}

// What the library refuses arrives with its place; nothing is kept.
func TestCompileReportsHelperProblem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchS390X, specs.ArchX86_64}}
	_, err := Compile(profile, dir)
	var f *fault.Error
	if !errors.As(err, &f) || !strings.HasPrefix(f.Pointer, "/linux/seccomp/architectures/") {
		t.Errorf("error %v", err)
	}
	if kept := keptFilters(t, dir); len(kept) > 0 {
		t.Errorf("kept %q", kept)
	}
}

func TestCompileBoundsProfile(t *testing.T) {
	profile := withRule(specs.LinuxSyscall{Names: []string{strings.Repeat("x", 1<<20)}, Action: specs.ActErrno})
	if _, err := Compile(profile, t.TempDir()+"/cache"); !errors.Is(err, unix.E2BIG) {
		t.Errorf("error %v, want E2BIG", err)
	}
}

// Every word of the features document is one that compiles (M5).
func TestTablesCompile(t *testing.T) {
	for _, action := range Actions() {
		profile := withRule(specs.LinuxSyscall{Action: specs.LinuxSeccompAction(action)})
		profile.ListenerPath = "/s"
		if _, err := Compile(profile, t.TempDir()+"/cache"); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
	for _, op := range Operators() {
		args := []specs.LinuxSeccompArg{{Op: specs.LinuxSeccompOperator(op)}}
		if _, err := Compile(withRule(specs.LinuxSyscall{Action: specs.ActErrno, Args: args}), t.TempDir()+"/cache"); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	for _, arch := range Archs() {
		if !knownArch(specs.Arch(arch)) {
			t.Errorf("%s is not of the specification", arch)
		}
	}
	if len(Archs()) < 19 || LibVersion() == "" {
		t.Errorf("libseccomp %q with %d architectures", LibVersion(), len(Archs()))
	}
	for _, list := range [][]string{Actions(), Operators(), Archs(), KnownFlags(), SupportedFlags()} {
		if !slices.IsSorted(list) {
			t.Errorf("not sorted: %q", list)
		}
	}
}

func BenchmarkCompileCached(b *testing.B) {
	profile, dir := mustLoadProfile(b), filepath.Join(b.TempDir(), "cache")
	for b.Loop() {
		if _, err := Compile(profile, dir); err != nil {
			b.Fatal(err)
		}
	}
}
