// Package overlay says what an OverlayFS root is to be made of: directories that stay as they are below, and a place for
// what the container writes above.
//
// It is pure: words of the command line and of annotations in, a Config out. Package rootfs mounts it, inside the container's
// mount namespace; package libcontainer prepares a directory for the writes, and cleans it up.
package overlay

import (
	"path/filepath"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// The annotations of config.json. They name paths of the host, so an engine should not take them from an image.
const (
	Annotation        = "run.tare.overlay"         // what --overlay says
	AnnotationLower   = "run.tare.overlay.lower"   // more layers below, the uppermost first, separated by colons
	AnnotationOptions = "run.tare.overlay.options" // of the overlay file system, separated by commas
	AnnotationIDMap   = "run.tare.overlay.idmap"   // "container": the layers are seen through the container's id mappings
)

// Tmpfs is the word for writes that live and die with the container.
const Tmpfs = "tmpfs"

// Config is an overlay root.
type Config struct {
	// Dir has the subdirectories "upper" for what the container writes, and "work" for the kernel. Empty: both are on a tmpfs
	// of the container's own.
	Dir     string
	Tmpfs   []string // options of that tmpfs: "size=64m"
	Lower   []string // layers above the rootfs, the uppermost first; absolute host paths
	Options []string // of the overlay itself: "volatile", "metacopy=on"
	Mapped  bool     // all directories are seen through the id mappings of the container
}

// Parse reads the value of --overlay, which wins over the annotation, and the annotations. Nil means that no overlay is
// asked for.
//
// The value is "tmpfs", with options behind a colon where wanted, or an absolute path. Pointers of errors lead to the
// annotations; errors of the flag have none.
func Parse(flag string, annotations map[string]string) (*Config, error) {
	value, pointer := flag, ""
	if value == "" {
		value, pointer = annotations[Annotation], at(Annotation)
	}
	lower, options, idmap := annotations[AnnotationLower], annotations[AnnotationOptions], annotations[AnnotationIDMap]
	if value == "" {
		for _, name := range [...]string{AnnotationIDMap, AnnotationLower, AnnotationOptions} {
			if text := annotations[name]; text != "" {
				return nil, refuse(at(name), text, "means nothing without an overlay", "add the annotation "+Annotation+" or --overlay")
			}
		}
		return nil, nil
	}
	if idmap != "" && idmap != "container" {
		return nil, refuse(at(AnnotationIDMap), idmap, "is not the word container", "")
	}
	c := &Config{Mapped: idmap != ""}
	if err := c.parseUpper(value, pointer); err != nil {
		return nil, err
	}
	if err := c.parseLower(lower); err != nil {
		return nil, err
	}
	return c, c.parseOptions(options)
}

func at(annotation string) string { return fault.Ptr("annotations", annotation) }

func refuse(pointer, text, why, hint string) error {
	e := &fault.Error{Pointer: pointer, Path: text, Err: fault.Text(why), Hint: hint}
	if pointer == "" {
		e.Op = "--overlay"
	}
	return e
}

func (c *Config) parseUpper(value, pointer string) error {
	word, options, hasOptions := strings.Cut(value, ":")
	switch {
	case word == Tmpfs:
		for option := range strings.SplitSeq(options, ",") {
			name, _, _ := strings.Cut(option, "=")
			switch name {
			case "size", "nr_blocks", "nr_inodes", "huge", "mpol":
				c.Tmpfs = append(c.Tmpfs, option)
			case "":
				if hasOptions {
					return refuse(pointer, value, "has an empty option", "")
				}
			default:
				return refuse(pointer, option, "is no option of the tmpfs of an overlay", "accepted are size, nr_blocks, nr_inodes, huge and mpol")
			}
		}
		return nil
	case strings.HasPrefix(value, "/"):
		c.Dir = filepath.Clean(value)
		if c.Dir == "/" {
			return refuse(pointer, value, "is the root of the host", "name a directory for the container")
		}
		return nil
	}
	return refuse(pointer, value, "is neither tmpfs nor an absolute path", "")
}

func (c *Config) parseLower(list string) error {
	if list == "" {
		return nil
	}
	for layer := range strings.SplitSeq(list, ":") {
		if !strings.HasPrefix(layer, "/") || strings.IndexByte(layer, 0) >= 0 {
			return refuse(at(AnnotationLower), layer, "is not an absolute path", "layers are separated by colons, the uppermost first")
		}
		c.Lower = append(c.Lower, filepath.Clean(layer))
	}
	return nil
}

// known are the options that may be given (overlayfs.rst); true for those without a value. Directories are not among them.
func known(name string) (flag, ok bool) {
	switch name {
	case "userxattr", "volatile":
		return true, true
	case "metacopy", "redirect_dir", "index", "nfs_export", "xino", "uuid", "verity":
		return false, true
	}
	return false, false
}

func (c *Config) parseOptions(list string) error {
	if list == "" {
		return nil
	}
	for option := range strings.SplitSeq(list, ",") {
		name, value, hasValue := strings.Cut(option, "=")
		flag, ok := known(name)
		if !ok {
			return refuse(at(AnnotationOptions), option, "is not an option of overlay that may be given", "")
		}
		if flag == hasValue || hasValue && value == "" {
			return refuse(at(AnnotationOptions), option, "is a word or name=value, as overlayfs.rst has it", "")
		}
		c.Options = append(c.Options, option)
	}
	return nil
}
