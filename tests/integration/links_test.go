package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// F37: the options about symbolic links that crun has: the source that is a link is made again, or mounted itself; the mount
// covers a link at its destination.
func TestLinkOptions(t *testing.T) {
	b := newBundle(t, withShell("readlink /copied; cat /copied; readlink /mounted; cat /covered; [ -L /covered ] || echo covered; cat /target"))
	source := b.directory("source")
	must(t, os.WriteFile(filepath.Join(source, "file"), []byte("source\n"), 0o644))
	must(t, os.Symlink("/etc/hostname-of-the-image", filepath.Join(source, "link")))
	b.file("etc/hostname-of-the-image", "image\n")
	b.file("target", "")
	b.file("mounted", "")
	b.link("target", "covered")
	withBind(filepath.Join(source, "link"), "/copied", "bind", "copy-symlink")(b.spec)
	withBind(filepath.Join(source, "link"), "/mounted", "bind", "src-nofollow")(b.spec)
	withBind(filepath.Join(source, "file"), "/covered", "bind", "dest-nofollow")(b.spec)
	b.spec.Root.Readonly = false
	const want = "/etc/hostname-of-the-image\nimage\n/etc/hostname-of-the-image\nsource\ncovered"
	wants(t, "output", b.output(), want)
	wants(t, "output again, with the link of the first time", b.output(), want)
	b.link("/elsewhere", "copied")
	b.try("create").fails("symbolic link", "/copied", "file exists")
	b.nothingLeft()
	// A source that is no link is mounted, and the words mean nothing for a new file system.
	plain := newBundle(t, withShell("cat /data"))
	withBind(filepath.Join(source, "file"), "/data", "bind", "copy-symlink")(plain.spec)
	wants(t, "plain source", plain.output(), "source")
}

// F26 F28 F29: words that change one flag, or nothing, and are no options of the file system.
func TestSuperblockWords(t *testing.T) {
	b := newBundle(t)
	m := b.spec.Mounts[0]
	m.Destination, m.Type, m.Source = "/words", "tmpfs", "tmpfs"
	m.Options = []string{"nosymfollow", "lazytime", "iversion", "silent", "loud", "noiversion", "mand", "nomand", "size=64k"}
	b.spec.Mounts = append(b.spec.Mounts, m)
	b.mounted("/words").has(t, "nosymfollow", "lazytime", "!iversion", "!mand")
}
