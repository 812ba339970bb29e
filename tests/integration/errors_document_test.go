package integration

import (
	"os"
	"regexp"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// documentedLines are the texts in the first columns of docs/errors.md.
func documentedLines(t *testing.T) (lines []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]*)` \\|").FindAllStringSubmatch(read(t, "../../docs/errors.md"), -1) {
		lines = append(lines, row[1])
	}
	if len(lines) < 40 {
		t.Fatalf("docs/errors.md has %d lines", len(lines))
	}
	return lines
}

// linePattern finds a documented text in an error.
func linePattern(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*"))
}

// creating is a create of a bundle that something is wrong with.
func creating(change func(b *bundle), options ...option) func(*testing.T) result {
	return func(t *testing.T) result {
		b := newBundle(t, options...)
		change(b)
		return b.try("create")
	}
}

// starting is a start of a program that cannot be executed.
func starting(content func(t *testing.T) string) func(*testing.T) result {
	return func(t *testing.T) result { return later("/program", content(t))(t) }
}

func hookOf(command string, timeout int) func(b *bundle) {
	h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", command}}
	if timeout > 0 {
		h.Timeout = &timeout
	}
	return hook(h)
}

// provoked are the errors of docs/errors.md that are not in testdata/phrases.txt, by a word of theirs.
var provoked = map[string]func(*testing.T) result{
	"lacks the loader": starting(func(t *testing.T) string { ours, _ := machines(); return elfProgram(t, ours, "/lib/none.so") }),
	"is built for":     starting(func(t *testing.T) string { _, foreign := machines(); return elfProgram(t, foreign, "/lib/none.so") }),
	"mounted noexec": func(t *testing.T) result {
		b := newBundle(t, withArgs("/noexec/program"))
		source := b.directory("source")
		must(t, os.WriteFile(source+"/program", []byte("#!/bin/sh\n"), 0o755))
		withMount(specs.Mount{Destination: "/noexec", Type: "bind", Source: source, Options: []string{"bind", "noexec"}})(b.spec)
		return b.try("create")
	},
	"is listed twice":         creating(appendNamespace(specs.LinuxNamespace{Type: specs.PIDNamespace})),
	"not supported by this":   creating(func(b *bundle) { b.spec.Annotations = map[string]string{"run.oci.handler": "krun"} }),
	"needs a namespace of":    creating(func(b *bundle) { withoutNamespace(specs.UTSNamespace)(b.spec) }),
	"belongs to the host":     creating(sysctl("kernel.panic")),
	"is the host's own":       creating(func(b *bundle) { withNamespace(specs.MountNamespace, "/proc/self/ns/mnt")(b.spec) }),
	"every bundle has":        func(t *testing.T) result { return newBundle(t).try("create", "--bundle", "/") },
	"open namespace":          creating(func(b *bundle) { withNamespace(specs.UTSNamespace, "/proc/1/ns/nosuch")(b.spec) }),
	"was killed (signal 9)":   creating(hookOf(`kill -9 $(sed 's/.*"pid":\([0-9]*\).*/\1/')`, 0)),
	`hook "…": exit status …`: creating(hookOf("echo words; exit 3", 0)),
	`hook "…": timed out`:     creating(hookOf("sleep 600", 1)),
	"it has ended meanwhile": func(t *testing.T) result {
		b := running(t)
		process := b.dir + "/process.json"
		must(t, unix.Mkfifo(process, 0o600))
		return b.execWith(invocation{whileItRuns: func(*os.Process) {
			writer, err := os.OpenFile(process, os.O_WRONLY, 0) // exec has found the container, and reads what to execute
			must(t, err)
			defer writer.Close()
			b.kill("KILL")
			b.wait()
			_, err = writer.WriteString(`{"args": ["true"], "cwd": "/", "user": {}}`)
			must(t, err)
		}}, []string{"--process", process})
	},
	"NOTIFY_SOCKET": func(t *testing.T) result {
		return newBundle(t).tryWith(invocation{env: []string{"NOTIFY_SOCKET=/nosuch", "PATH=/bin"}}, "run")
	},
	"runtime root": func(t *testing.T) result {
		root := t.TempDir()
		must(t, os.Chown(root, 12345, 0))
		b := newBundle(t)
		b.writeConfig()
		return run(t, "--root", root, "create", "--bundle", b.dir, b.id)
	},
	"needs CAP_SYS_RESOURCE": func(t *testing.T) result {
		r := newRootless(t, withProcess(func(p *specs.Process) {
			p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_MEMLOCK", Hard: 1 << 62, Soft: 1}}
		}))
		return r.tare("create", r.id)
	},
	"a device filter needs": func(t *testing.T) result {
		return newBundle(t).tryWith(invocation{args: []string{"--cgroup-manager=disabled"}}, "create")
	},
}

// held are those that take a machine of their own, or a peer that misbehaves: the test that meets them, and the words it wants.
var held = map[string][2]string{
	"cgroup.controllers":        {"cgroup_limits_test.go", "cgroup controller"},
	"holds processes":           {"../../libcontainer/cgroups/create_test.go", "holds processes"},
	"AppArmor is not enabled":   {"labels_test.go", "AppArmor is not enabled"},
	"max_*_namespaces":          {"userns_test.go", "max_"},
	"OOM-killed":                {"cgroup_limits_test.go", "OOM-killed"},
	"another command is":        {"../../libcontainer/state/state_test.go", "another command is working on this container"},
	"a pause or an exec":        {"../../libcontainer/state/state_test.go", "a pause or an exec of this container does not end"},
	"everything is as before":   {"update_test.go", "everything is as before"},
	"is not the init":           {"systemd_trouble_test.go", "systemd is not the init of this machine"},
	"its start job":             {"../../libcontainer/cgroups/systemd/unit_test.go", "start job"},
	"active already":            {"systemd_trouble_test.go", "active"},
	"connect to systemd at":     {"systemd_trouble_test.go", "connect to systemd"},
	"cannot be mounted on a fi": {"testdata/phrases.txt", "a directory cannot be mounted on a file"},
}

// What docs/errors.md says that tare prints, it prints.
func TestErrorsDocument(t *testing.T) {
	requireRoot(t)
	documents(t)
	phrases := read(t, phrasesFile)
	used := map[string]bool{}
	for _, line := range documentedLines(t) {
		if linePattern(line).MatchString(phrases) {
			continue
		}
		t.Run(line, func(t *testing.T) {
			for word, provoke := range provoked {
				if strings.Contains(line, word) {
					used[word] = true
					if r := provoke(t); !linePattern(line).MatchString(r.message()) {
						t.Errorf("it prints %q", r.message())
					}
					return
				}
			}
			for word, place := range held {
				if strings.Contains(line, word) {
					used[word] = true
					if !strings.Contains(read(t, place[0]), place[1]) {
						t.Errorf("%s does not speak of %q", place[0], place[1])
					}
					return
				}
			}
			t.Error("no test prints it")
		})
	}
	for word := range provoked {
		if !used[word] && !strings.Contains(phrases, word) {
			t.Errorf("%q is not in docs/errors.md", word)
		}
	}
}
