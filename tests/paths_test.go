package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// byPath are the functions that give the kernel a path to resolve as it likes. What works on a descriptor, the *at calls, is
// not among them; openat(2) is, because it does not stay inside.
var byPath = map[string]bool{
	"unix.Open": true, "unix.Openat": true, "unix.Mount": true, "unix.Unmount": true, "unix.Stat": true, "unix.Lstat": true, "unix.Mkdir": true,
	"unix.Rmdir": true, "unix.Symlink": true, "unix.Link": true, "unix.Unlink": true, "unix.Rename": true, "unix.Chmod": true, "unix.Chown": true,
	"unix.Lchown": true, "unix.Access": true, "unix.Statfs": true, "unix.Readlink": true, "unix.Mknod": true, "unix.Mkfifo": true, "unix.Chdir": true,
	"unix.Chroot": true, "unix.PivotRoot": true, "unix.Getxattr": true, "unix.Setxattr": true, "unix.Lsetxattr": true, "unix.Truncate": true, "unix.Creat": true,
	"unix.Exec": true, "unix.Acct": true, "unix.Utimes": true,
}

// mayUsePaths are the calls in code that runs before init has entered its root, and why each cannot be led astray. Nothing in
// the image decides what these paths mean (docs/security.md, R1).
var mayUsePaths = map[string]string{
	"rootfs: readMounts unix.Open":        "the constant /proc/self/mountinfo",
	"rootfs: removeMount unix.Unmount":    "a mount of the host as mountinfo names it, links not followed",
	"rootfs: removeMount unix.Open":       "the same",
	"rootfs: OpenTree unix.Open":          `"/", to bind it`,
	"rootfs: attachAll unix.Open":         `"/", to attach layers there`,
	"rootfs: openHostDir unix.Open":       "the rootfs or a layer, which config.json names on the host",
	"rootfs: openHostDir unix.Lstat":      "for the hint of an error",
	"rootfs: Pivot unix.Open":             `"/", the root that is left`,
	"rootfs: Pivot unix.PivotRoot":        `".", the directory of a descriptor`,
	"rootfs: Pivot unix.Unmount":          `".", the root that is left`,
	"rootfs: Pivot unix.Chdir":            `"/"`,
	"rootfs: Chroot unix.Chroot":          `".", the directory of a descriptor`,
	"rootfs: openNull unix.Open":          "the host's /dev/null, verified by its number",
	"rootfs: addHierarchy unix.Openat":    "one name in a tmpfs that we have just made and nobody else sees",
	"rootfs: copyDir unix.Openat":         "one name, links not followed",
	"rootfs: copySubdir unix.Openat":      "one name, links not followed",
	"rootfs: copyFile unix.Openat":        "one name, links not followed",
	"rootfs: labelRoot unix.Openat":       `"."`,
	"rootfs: openLinkTarget unix.Openat":  "one name, links not followed",
	"devices: chmod unix.Chmod":           "a descriptor of our own by its name in /proc",
	"devices: kernelName unix.Open":       "a file of the host's /sys, named by a number",
	"devices: adjust unix.Openat":         "one name, links not followed",
	"initproc: openConsole unix.Open":     `"/", of an exec that is inside already`,
	"safepath: openVisibleProc unix.Open": "the host's /proc, verified by its type and inode",
	"rootfs: OpenInside unix.Open":        `"/", of a container that init has joined`,
	"safepath: Unmount unix.Unmount":      "a descriptor of our own by its name in a procfs that nobody else can reach",
	"safepath: Unmount unix.Chdir":        `"/"`,
	"safepath: createFile unix.Openat":    "one name, links not followed, and it must not exist",
	"safepath: down unix.Openat":          "one name, links not followed",
}

// R1: in the packages that build the root nothing is done by path: the next one who writes unix.Mount there has to say in
// this file why that is safe.
func TestNoPathsInsideTheRoot(t *testing.T) {
	used := map[string]bool{}
	for _, dir := range []string{"libcontainer/rootfs", "libcontainer/devices", "libcontainer/console", "libcontainer/initproc", "internal/safepath"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, call := range callsByPath(t, file) {
				name := filepath.Base(dir) + ": " + call
				if used[name] = true; mayUsePaths[name] == "" {
					t.Errorf("%s: %s gives the kernel a path; use a descriptor, or say in mayUsePaths why not", file, call)
				}
			}
		}
	}
	for name := range mayUsePaths {
		if !used[name] {
			t.Errorf("mayUsePaths allows what is not there: %s", name)
		}
	}
}

// callsByPath are "FUNCTION unix.CALL" of one file, and every import of package os, whose functions all take paths.
func callsByPath(t *testing.T, file string) (calls []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range tree.Imports {
		if i.Path.Value == `"os"` {
			calls = append(calls, "imports os")
		}
	}
	for _, declaration := range tree.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && byPath[x.Name+"."+s.Sel.Name] {
					calls = append(calls, function.Name.Name+" "+x.Name+"."+s.Sel.Name)
				}
			}
			return true
		})
	}
	return calls
}
