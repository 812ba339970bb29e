package cgroups

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

func ptr[T any](v T) *T { return &v }

// onDisk is a manager on ordinary directories instead of cgroups, with these control files. A missing controllers file
// makes it a v1 hierarchy.
func onDisk(t *testing.T, controllers string, files map[string]string) (m *Manager, dir string) {
	t.Helper()
	mount := t.TempDir()
	dir = filepath.Join(mount, "c1")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Load(Saved{Path: "/c1", Hierarchies: []SavedHierarchy{{Mount: mount, Controllers: controllers}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, dir
}

// What reaches the files, and what becomes of files that are missing.
func TestSetOnDisk(t *testing.T) {
	for _, tc := range []struct {
		name        string
		controllers string // of v1; "": v2
		files       map[string]string
		resources   specs.LinuxResources
		want        map[string]string
		wantErr     string // a part of the error
		wantIs      error
	}{
		{
			name:      "J15 J16 J17 memory",
			files:     map[string]string{"memory.max": "", "memory.low": "", "memory.swap.max": ""},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(100)), Reservation: ptr(int64(50))}},
			want:      map[string]string{"memory.max": "100", "memory.low": "50", "memory.swap.max": "0"},
		},
		{
			name:      "J17 no swap accounting, and no swap wanted",
			files:     map[string]string{"memory.max": ""},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(100))}},
			want:      map[string]string{"memory.max": "100"},
		},
		{
			name:      "J17 no swap accounting, but a swap limit",
			files:     map[string]string{"memory.max": "", "cgroup.controllers": "memory pids\n"},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(150))}},
			wantErr:   "/linux/resources/memory/swap",
			wantIs:    unix.ENOENT,
		},
		{
			name:      "J20 limit below usage",
			files:     map[string]string{"memory.max": "max", "memory.current": "200\n"},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), CheckBeforeUpdate: ptr(true)}},
			want:      map[string]string{"memory.max": "max"},
			wantErr:   "the usage is already 200 bytes",
		},
		{
			name:      "J20 limit above usage",
			files:     map[string]string{"memory.max": "", "memory.current": "99\n"},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), CheckBeforeUpdate: ptr(true)}},
			want:      map[string]string{"memory.max": "100"},
		},
		{
			name:      "J23 period alone keeps the quota",
			files:     map[string]string{"cpu.max": "5000 100000\n"},
			resources: specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(200000))}},
			want:      map[string]string{"cpu.max": "5000 200000\n"},
		},
		{
			name:      "J28 no tasks",
			files:     map[string]string{"pids.max": ""},
			resources: specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}},
			want:      map[string]string{"pids.max": "0"},
		},
		{
			name:      "J29 io.weight where BFQ is not",
			files:     map[string]string{"io.weight": ""},
			resources: specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(1000))}},
			want:      map[string]string{"io.weight": "10000"},
		},
		{
			name:      "controller not available",
			files:     map[string]string{"cgroup.controllers": "cpu pids\n"},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100))}},
			wantErr:   "/linux/resources/memory/limit: cgroup controller \"memory\": not supported; it is not in ",
			wantIs:    fault.ErrNotSupported,
		},
		{
			name:      "J36 unified comes last and takes unknown files",
			files:     map[string]string{"memory.max": "", "memory.new_one": ""},
			resources: specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100))}, Unified: map[string]string{"memory.max": "200", "memory.new_one": "x"}},
			want:      map[string]string{"memory.max": "200", "memory.new_one": "x"},
		},
		{
			name:      "J36 controller not available",
			files:     map[string]string{"cgroup.controllers": "cpu\n"},
			resources: specs.LinuxResources{Unified: map[string]string{"hugetlb.1GB.max": "0"}},
			wantErr:   `/linux/resources/unified/hugetlb.1GB.max: cgroup controller "hugetlb"`,
			wantIs:    fault.ErrNotSupported,
		},
		{
			name:        "J36 no unified hierarchy",
			controllers: "memory",
			resources:   specs.LinuxResources{Unified: map[string]string{"memory.high": "1"}},
			wantErr:     "no unified hierarchy",
			wantIs:      fault.ErrNotSupported,
		},
		{
			name:        "v1 memory and swap together",
			controllers: "memory",
			files:       map[string]string{"memory.limit_in_bytes": "", "memory.memsw.limit_in_bytes": ""},
			resources:   specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(150))}},
			want:        map[string]string{"memory.limit_in_bytes": "100", "memory.memsw.limit_in_bytes": "150"},
		},
		{
			name:        "v1 controller not mounted",
			controllers: "memory",
			resources:   specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(5))}},
			wantErr:     `/linux/resources/pids/limit: cgroup controller "pids": not supported; none of the cgroup v1 mounts has it`,
			wantIs:      fault.ErrNotSupported,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, dir := onDisk(t, tc.controllers, tc.files)
			err := m.Set(&tc.resources)
			if tc.wantErr == "" && err != nil || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("error %v, want %q", err, tc.wantErr)
			}
			if tc.wantIs != nil && !errors.Is(err, tc.wantIs) {
				t.Errorf("error %v is not %v", err, tc.wantIs)
			}
			for name, want := range tc.want {
				if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// J36, GHSA-5g49-rx9x-qfc6: a key is one file name in the container's own directory, and never a link out of it.
func TestUnifiedKeys(t *testing.T) {
	m, dir := onDisk(t, "", map[string]string{"memory.max": ""})
	outside := filepath.Join(filepath.Dir(dir), "memory.high")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "memory.link")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"", "../memory.high", "a/../../memory.high", "/memory.high", outside, "..", ".", "memory", "memory.link",
		"c1/memory.max", "memory.max\x00",
	} {
		if err := m.Set(&specs.LinuxResources{Unified: map[string]string{key: "1"}}); err == nil {
			t.Errorf("key %q was accepted", key)
		}
	}
	if got, err := os.ReadFile(outside); err != nil || len(got) != 0 {
		t.Errorf("a file outside was written: %q, %v", got, err)
	}
}

func TestParseEvents(t *testing.T) {
	for _, tc := range []struct {
		text string
		want events
	}{
		{"populated 1\nfrozen 0\n", events{populated: true}},
		{"populated 0\nfrozen 1\n", events{frozen: true}},
		{"populated 10\nfrozen 11\n", events{}},
		{"", events{}},
	} {
		if got := parseEvents(tc.text); got != tc.want {
			t.Errorf("%q: %+v, want %+v", tc.text, got, tc.want)
		}
	}
}

// J12: the same controllers in another order are the same.
func TestSameFields(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{{"cpu memory", "memory cpu", true}, {"cpu", "cpu memory", false}, {"", "", true}} {
		if got := sameFields(tc.a, tc.b); got != tc.want {
			t.Errorf("%q %q: %v", tc.a, tc.b, got)
		}
	}
}
