package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func idMapping(container, host, size uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: container, HostID: host, Size: size}}
}

// volume is a directory with a file of user 5 and group 6, and something mounted below it.
func (b *bundle) volume() string {
	b.t.Helper()
	dir := b.directory("volume")
	file := filepath.Join(dir, "file")
	must(b.t, os.WriteFile(file, nil, 0o644))
	must(b.t, os.Chown(file, 5, 6))
	below := b.directory("volume/below")
	must(b.t, unix.Mount("tmpfs", below, "tmpfs", 0, "mode=755"))
	b.t.Cleanup(func() { unix.Unmount(below, unix.MNT_DETACH) })
	must(b.t, os.WriteFile(filepath.Join(below, "file"), nil, 0o644))
	must(b.t, os.Chown(filepath.Join(below, "file"), 5, 6))
	return dir
}

// F33 F34 F35: binds whose files have other owners inside, by mappings of the mount in each of the ways to say them, and with
// ridmap also what is mounted below. What is written gets the owner back.
func TestIDMappedBind(t *testing.T) {
	const show = "stat -c %u:%g /data/file /data/below/file; chown 2006:2007 /data/file; stat -c %u:%g /data/file"
	for _, row := range []struct{ name, option, want string }{
		{"mappings alone", "", "1005:1006\n5:6\n2006:2007"},
		{"idmap", "idmap", "1005:1006\n5:6\n2006:2007"},
		{"ridmap", "ridmap", "1005:1006\n1005:1006\n2006:2007"},
		{"text", "idmap=uids=0-1000-2000;gids=0-1000-2000", "1005:1006\n5:6\n2006:2007"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withShell(show))
			b.spec.Process.Capabilities.Bounding = append(b.spec.Process.Capabilities.Bounding, "CAP_CHOWN")
			b.spec.Process.Capabilities.Permitted = append(b.spec.Process.Capabilities.Permitted, "CAP_CHOWN")
			b.spec.Process.Capabilities.Effective = append(b.spec.Process.Capabilities.Effective, "CAP_CHOWN")
			volume := b.volume()
			m := specs.Mount{Destination: "/data", Type: "bind", Source: volume, Options: []string{"rbind"}}
			if row.option != "" {
				m.Options = append(m.Options, row.option)
			}
			if !strings.Contains(row.option, "=") {
				m.UIDMappings, m.GIDMappings = idMapping(0, 1000, 2000), idMapping(0, 1000, 2000)
			}
			b.spec.Mounts = append(b.spec.Mounts, m)
			wants(t, "owners", b.output(), row.want)
			var st unix.Stat_t
			must(t, unix.Stat(filepath.Join(volume, "file"), &st))
			if st.Uid != 1006 || st.Gid != 1007 {
				t.Errorf("on the host the file belongs to %d:%d, want 1006:1007", st.Uid, st.Gid)
			}
		})
	}
}

// F33: without mappings of the mount those of the container count, so that files of the host's ids are the container's.
func TestIDMappedByContainer(t *testing.T) {
	b := newBundle(t, withShell("stat -c %u:%g /data/file /plain/file"))
	volume := b.volume()
	b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	b.spec.Linux.UIDMappings, b.spec.Linux.GIDMappings = idMapping(0, 100000, 65536), idMapping(0, 100000, 65536)
	must(t, filepath.Walk(b.path(), func(path string, _ os.FileInfo, err error) error {
		must(t, err)
		return os.Lchown(path, 100000, 100000)
	}))
	withBind(volume, "/data", "rbind", "idmap")(b.spec)
	withBind(volume, "/plain", "rbind")(b.spec)
	wants(t, "owners", b.output(), "5:6\n65534:65534")
}

// F33: a new file system can be idmapped too, where the kernel allows it for the type (tmpfs since Linux 6.3); where it does
// not, the error names the type, and nothing is left.
func TestIDMappedTmpfs(t *testing.T) {
	mount := func(kind string) specs.Mount {
		return specs.Mount{
			Destination: "/data", Type: kind, Source: kind, Options: []string{"idmap"},
			UIDMappings: idMapping(0, 1000, 2000), GIDMappings: idMapping(0, 1000, 2000),
		}
	}
	b := newBundle(t, withMount(mount("tmpfs")), withShell("stat -c %u:%g /data"))
	if kernelRelease(t, 6, 3) {
		wants(t, "owners", b.output(), "1000:1000")
	} else {
		b.try("run").fails("/mounts/", "idmap", "tmpfs")
	}
	none := newBundle(t, withMount(mount("mqueue")))
	none.try("create").fails("/mounts/", "mqueue cannot be idmapped")
	none.nothingLeft()
}

// F33 F34: what cannot be meant.
func TestIDMapRefused(t *testing.T) {
	for _, row := range []struct {
		change func(*specs.Mount)
		want   string
	}{
		{func(m *specs.Mount) { m.Options = []string{"bind", "idmap"} }, "idmap needs uidMappings and gidMappings, or a user namespace"},
		{func(m *specs.Mount) { m.UIDMappings = idMapping(0, 1, 1) }, "must be given together"},
		{func(m *specs.Mount) { m.Options = []string{"bind", "idmap=uids=x;gids=0-1-1"} }, "a mapping that is none"},
		{func(m *specs.Mount) {
			m.Source, m.UIDMappings, m.GIDMappings = "/proc", idMapping(0, 1, 1), idMapping(0, 1, 1)
		}, "cannot be idmapped with this kernel"},
	} {
		b := newBundle(t)
		m := specs.Mount{Destination: "/data", Type: "bind", Source: b.dir, Options: []string{"bind"}}
		row.change(&m)
		b.spec.Mounts = append(b.spec.Mounts, m)
		b.try("create").fails("/mounts/", row.want)
		b.nothingLeft()
	}
}
