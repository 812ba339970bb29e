package mountopt

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

const atimeMask = unix.MOUNT_ATTR__ATIME

// TestParse covers F23 to F32: what each word does, and what words do to each other.
func TestParse(t *testing.T) {
	private := step.PropagationChange{Flag: unix.MS_PRIVATE}
	rslave := step.PropagationChange{Flag: unix.MS_SLAVE, Recursive: true}
	tests := []struct {
		name    string
		options string
		bind    bool
		want    step.MountOptions
	}{
		{name: "nothing", options: ""},
		{name: "defaults changes nothing", options: "defaults"},
		{name: "typical tmpfs", options: "nosuid,strictatime,mode=755,size=65536k", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_STRICTATIME, Clear: atimeMask},
			Data: []string{"mode=755", "size=65536k"},
		}},
		{name: "ro of a new mount is for the superblock too", options: "ro", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}, Super: []string{"ro"},
		}},
		{name: "ro of a bind is for the mount alone", options: "ro,rbind", want: step.MountOptions{
			Bind: true, Recursive: true, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY},
		}},
		{name: "bind by type", options: "nodev", bind: true, want: step.MountOptions{
			Bind: true, Attr: step.Attr{Set: unix.MOUNT_ATTR_NODEV},
		}},
		{name: "last wins, ro", options: "ro,rw", want: step.MountOptions{
			Attr: step.Attr{Clear: unix.MOUNT_ATTR_RDONLY}, Super: []string{"rw"},
		}},
		{name: "last wins, nosuid", options: "suid,dev,exec,nosuid,nodev,noexec", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC},
		}},
		{name: "clearing is explicit", options: "bind,suid,dev,exec", want: step.MountOptions{
			Bind: true, Attr: step.Attr{Clear: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC},
		}},
		{name: "last access time mode wins", options: "noatime,strictatime", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atimeMask},
		}},
		{name: "strictatime, noatime", options: "strictatime,noatime", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOATIME, Clear: atimeMask},
		}},
		{name: "atime is relatime", options: "noatime,atime", want: step.MountOptions{Attr: step.Attr{Clear: atimeMask}}},
		{name: "nostrictatime is relatime", options: "strictatime,nostrictatime", want: step.MountOptions{Attr: step.Attr{Clear: atimeMask}}},
		{name: "norelatime changes nothing", options: "noatime,norelatime", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOATIME, Clear: atimeMask},
		}},
		{name: "nodiratime is not a mode", options: "noatime,nodiratime", want: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NODIRATIME, Clear: atimeMask},
		}},
		{name: "symlinks", options: "nosymfollow", want: step.MountOptions{Attr: step.Attr{Set: unix.MOUNT_ATTR_NOSYMFOLLOW}}},
		{name: "superblock words", options: "async,sync,dirsync,mand,nomand,lazytime", want: step.MountOptions{
			Super: []string{"sync", "dirsync", "nomand", "lazytime"},
		}},
		{name: "file system data on a bind, for a warning", options: "rbind,size=1m", want: step.MountOptions{Bind: true, Recursive: true, Data: []string{"size=1m"}}},
		{name: "superblock words on a bind", options: "bind,sync,lazytime", want: step.MountOptions{Bind: true}},
		{name: "words without a kernel name", options: "iversion,noiversion,silent,loud"},
		{name: "recursive", options: "rbind,rro,rnosuid,rnoatime,rnosymfollow", want: step.MountOptions{
			Bind: true, Recursive: true, RecAttr: step.Attr{
				Set:   unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NOSYMFOLLOW,
				Clear: atimeMask,
			},
		}},
		{name: "recursive, cleared", options: "rbind,rro,rrw,rsuid,rdev,rexec,rsymfollow,rdiratime", want: step.MountOptions{
			Bind: true, Recursive: true, RecAttr: step.Attr{
				Clear: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
					unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR_NODIRATIME,
			},
		}},
		{name: "propagation in listed order", options: "rslave,private", want: step.MountOptions{
			Propagation: []step.PropagationChange{rslave, private},
		}},
		{name: "remount", options: "remount,ro", want: step.MountOptions{
			Remount: true, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}, Super: []string{"ro"},
		}},
		{name: "copy-up", options: "tmpcopyup,size=1m", want: step.MountOptions{CopyUp: true, Data: []string{"size=1m"}}},
		{name: "unknown words go to the file system", options: "newinstance,ptmxmode=0666", want: step.MountOptions{
			Data: []string{"newinstance", "ptmxmode=0666"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(strings.Split(tt.options, ","), tt.bind)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(normal(got), normal(tt.want)) {
				t.Errorf("Parse(%q)\n got %+v\nwant %+v", tt.options, got, tt.want)
			}
		})
	}
}

// normal makes nil and empty slices equal.
func normal(o step.MountOptions) step.MountOptions {
	if len(o.Super) == 0 {
		o.Super = nil
	}
	return o
}

// TestParseRefuses covers F21: unknown words of a bind.
func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name    string
		options []string
		bind    bool
		word    string
	}{
		{name: "unknown word on a bind", options: []string{"ro", "bnid", "bind"}, word: "bnid"},
		{name: "the link of a source that is none", options: []string{"src-nofollow"}, word: "copy-symlink, src-nofollow"},
		{name: "the copy of a source that is none", options: []string{"copy-symlink"}, word: "copy-symlink, src-nofollow"},
		{name: "copy-up of a bind", options: []string{"tmpcopyup"}, bind: true, word: "tmpcopyup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.options, tt.bind)
			var e *fault.Error
			if !errors.As(err, &e) || e.Path != tt.word {
				t.Fatalf("got %v, want an error about %q", err, tt.word)
			}
		})
	}
}

// F33 F35: words for idmapped mounts are handed on, and are no data of the file system.
func TestParseIDMap(t *testing.T) {
	for _, word := range []string{"idmap", "ridmap", "idmap=uids=0-1-2;gids=0-1-2"} {
		o, err := Parse([]string{"ro", word}, false)
		if err != nil || o.IDMap != word || len(o.Data) != 0 {
			t.Errorf("%s: %+v, %v", word, o, err)
		}
	}
}

// TestTable holds the order that lookup relies on and the words that config.md lists.
func TestTable(t *testing.T) {
	if !slices.IsSortedFunc(table[:], func(a, b entry) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the table is not sorted")
	}
	words := `async atime bind defaults dev diratime dirsync exec idmap iversion lazytime loud mand noatime nodev nodiratime noexec
		noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime
		remount rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime
		rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
		tmpcopyup unbindable`
	if got, want := Names(), strings.Fields(words); !slices.Equal(got, want) {
		t.Errorf("Names()\n got %v\nwant %v", got, want)
	}
}

// F31 F32: each recursive word does to all mounts what the plain one does to one.
func TestRecursiveWords(t *testing.T) {
	for i := range table {
		if e := &table[i]; e.kind == recAttr {
			plain, found := lookup(e.name[1:])
			if !found || plain.kind != attr && plain.kind != readonly || plain.set != e.set || plain.clear != e.clear {
				t.Errorf("%+v and %+v", e, plain)
			}
		}
	}
}

// FuzzParse: no list of words can make masks that mount_setattr(2) would misread.
func FuzzParse(f *testing.F) {
	f.Add("rbind,rro,noatime,strictatime", false)
	f.Add("ro,rw,ro,size=1", true)
	f.Add(strings.Join(Names(), ","), false)
	f.Fuzz(func(t *testing.T, options string, bind bool) {
		o, err := Parse(strings.Split(options, ","), bind)
		if err != nil {
			return
		}
		for _, a := range []step.Attr{o.Attr, o.RecAttr} {
			if a.Set&a.Clear&^atimeMask != 0 {
				t.Errorf("%q: set %#x and clear %#x overlap", options, a.Set, a.Clear)
			}
			if a.Set&atimeMask != 0 && a.Clear&atimeMask != atimeMask {
				t.Errorf("%q: access time set without being cleared", options)
			}
		}
		if bind && !o.Bind || o.Bind && len(o.Super) > 0 {
			t.Errorf("%q: wrong bind %+v", options, o)
		}
	})
}
