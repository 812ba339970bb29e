package mountopt

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// Parse reads an option list. bind says that the mount is a bind although no word of the list may say so (type "bind").
// The error names the first word that cannot be honoured.
//
// A bind mount has no file system to read a "mode=755", and mount(2) ignores its data: configurations that carry such
// words have always worked. They are returned in Data for the caller to warn about; a bare word is more likely a typing
// error, and is one here.
func Parse(options []string, bind bool) (step.MountOptions, error) {
	o := step.MountOptions{Bind: bind}
	for _, word := range options {
		if word == "" {
			continue
		}
		e, known := lookup(word)
		switch {
		case known && e.kind == idmap, strings.HasPrefix(word, "idmap="), strings.HasPrefix(word, "ridmap="):
			o.IDMap = word
		case known:
			apply(&o, e)
		default:
			o.Data = append(o.Data, word)
		}
	}
	if !o.Bind {
		if o.CopySymlink || o.SourceNofollow {
			return o, &fault.Error{Op: "mount option", Path: "copy-symlink, src-nofollow", Err: fault.Text("are for a bind mount"), Hint: "its source is a path"}
		}
		return o, nil
	}
	o.Super = nil
	switch {
	case o.CopyUp:
		return o, &fault.Error{Op: "mount option", Path: "tmpcopyup", Err: fault.Text("is for tmpfs, not for a bind mount")}
	}
	if i := slices.IndexFunc(o.Data, func(word string) bool { return !strings.Contains(word, "=") }); i >= 0 {
		return o, &fault.Error{Op: "mount option", Path: o.Data[i], Err: fault.Text("is unknown"), Hint: "a bind mount has no options of a file system"}
	}
	return o, nil
}

// apply records one word.
func apply(o *step.MountOptions, e *entry) {
	switch e.kind {
	case attr:
		change(&o.Attr, e)
	case recAttr:
		change(&o.RecAttr, e)
	case readonly:
		change(&o.Attr, e)
		setSuper(o, e)
	case super:
		setSuper(o, e)
	case propagation:
		o.Propagation = append(o.Propagation, step.PropagationChange{Flag: e.set &^ unix.MS_REC, Recursive: e.set&unix.MS_REC != 0})
	case bind:
		o.Bind = true
	case rbind:
		o.Bind, o.Recursive = true, true
	case remount:
		o.Remount = true
	case copyUp:
		o.CopyUp = true
	case links:
		o.CopySymlink = o.CopySymlink || e.name == "copy-symlink"
		o.SourceNofollow = o.SourceNofollow || e.name == "src-nofollow"
		o.DestinationNofollow = o.DestinationNofollow || e.name == "dest-nofollow"
	}
}

// change adds a row to a pair of masks. A bit is in at most one of them, with one exception that mount_setattr(2) asks for:
// the access time is a number of three bits, so all of them are cleared wherever a mode is set.
func change(a *step.Attr, e *entry) {
	a.Set = a.Set&^e.clear | e.set
	a.Clear = a.Clear&^e.set | e.clear
	if (e.set|e.clear)&unix.MOUNT_ATTR__ATIME != 0 {
		a.Clear |= unix.MOUNT_ATTR__ATIME
	}
}

// setSuper adds a word for the superblock and drops the one it revokes.
func setSuper(o *step.MountOptions, e *entry) {
	o.Super = slices.DeleteFunc(o.Super, func(w string) bool { return w == e.opposite || w == e.name })
	o.Super = append(o.Super, e.name)
}
