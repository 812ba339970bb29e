package plan

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/step"
)

func execInput() *ExecInput {
	return &ExecInput{
		ID: "web1", Rootfs: "/srv/root",
		Spec: &specs.Spec{
			Hooks:   &specs.Hooks{StartContainer: []specs.Hook{{Path: "/hook"}}, CreateContainer: []specs.Hook{{Path: "/hook"}}},
			Mounts:  []specs.Mount{{Destination: "/proc", Type: "proc"}},
			Process: &specs.Process{Args: []string{"sh"}, Cwd: "/tmp", NoNewPrivileges: true},
			Linux: &specs.Linux{
				Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}},
				Sysctl:     map[string]string{"net.ipv4.ip_forward": "1"}, MaskedPaths: []string{"/proc/kcore"},
			},
		},
	}
}

func stepNames(p *Plan) (list []string) {
	for _, e := range p.Init {
		list = append(list, e.Step.StepName())
	}
	return list
}

// What an exec does to the container is nothing: no mount, mask, sysctl or hook is part of it.
func TestCompileExec(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*ExecInput)
		want   []string
	}{
		{"as it is", func(*ExecInput) {}, []string{"session keyring", "make cwd", "stdio", "identity", "no_new_privs", "cwd", "look path", "wait for start", "close descriptors", "cwd", "exec"}},
		{"caller's keyring", func(in *ExecInput) { in.NoNewKeyring = true }, []string{"make cwd", "stdio", "identity", "no_new_privs", "cwd", "look path", "wait for start", "close descriptors", "cwd", "exec"}},
		{"terminal", func(in *ExecInput) { in.Spec.Process.Terminal = true }, []string{"session keyring", "console", "make cwd", "stdio", "identity", "no_new_privs", "cwd", "look path", "wait for start", "close descriptors", "cwd", "exec"}},
		{"chroot", func(in *ExecInput) { in.SharesMountNS = true }, []string{"session keyring", "root", "pivot", "make cwd", "stdio", "identity", "no_new_privs", "cwd", "look path", "wait for start", "close descriptors", "cwd", "exec"}},
		{"final CPUs", func(in *ExecInput) { in.Spec.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "3", Final: "0-1"} },
			[]string{"session keyring", "cpu affinity", "make cwd", "stdio", "identity", "no_new_privs", "cwd", "look path", "wait for start", "close descriptors", "cwd", "exec"}},
		{"filter that needs privileges", func(in *ExecInput) {
			in.Spec.Process.NoNewPrivileges, in.Spec.Linux.Seccomp = false, &specs.LinuxSeccomp{}
		}, []string{"session keyring", "make cwd", "stdio", "look path", "wait for start", "close descriptors", "cwd", "seccomp", "identity", "exec"}},
	} {
		in := execInput()
		row.change(in)
		p, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(row.want)
		if i := slices.Index(want, "pivot"); i >= 0 {
			want[i] = (&step.Chroot{}).StepName()
		}
		if got := stepNames(p); !slices.Equal(got, want) {
			t.Errorf("%s: %q\nwant %q", row.name, got, want)
		}
		if row.name == "final CPUs" && !slices.Equal(p.InitialCPUs, []uint32{3}) {
			t.Errorf("initial CPUs %v", p.InitialCPUs)
		}
		if len(in.Spec.Hooks.StartContainer) != 1 {
			t.Error("the specification was changed")
		}
	}
}

// The terminal of an exec is not the container's console.
func TestCompileExecTerminal(t *testing.T) {
	in := execInput()
	in.Spec.Process.Terminal, in.Spec.Process.ConsoleSize = true, &specs.Box{Height: 5, Width: 6}
	p, err := CompileExec(in)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := p.Init[1].Step.(*step.Console); !ok || !c.Exec || c.Height != 5 || c.Width != 6 {
		t.Errorf("%+v", p.Init[1].Step)
	}
}
