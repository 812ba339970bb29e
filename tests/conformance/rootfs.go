package conformance

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Files that programs inside the container look at. The names and numbers are those the validation programs expect.
var rootfsFiles = map[string]string{
	"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	"etc/group":  "root:x:0:\nnogroup:x:65534:\n",
}

// writeRootfs writes a root filesystem as the tar file that the programs unpack into each bundle: busybox and a link for
// each of its applets. busybox must be statically linked.
func writeRootfs(path, busybox string) error {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	zip, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
	archive := rootfsArchive{tar.NewWriter(zip), nil}
	// The first entry gives its mode to the bundle, which the programs make with mode 0700: containers with mapped ids need more.
	for _, dir := range []string{".", "bin", "dev", "etc", "proc", "sys"} {
		archive.add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, "")
	}
	archive.add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, "")
	archive.add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, string(program))
	for _, name := range strings.Fields(string(applets)) {
		if name != "busybox" {
			archive.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, "")
		}
	}
	for name, content := range rootfsFiles {
		archive.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content)
	}
	for _, step := range []func() error{archive.Close, zip.Close, file.Close} {
		if err := step(); archive.err == nil {
			archive.err = err
		}
	}
	return archive.err
}

// rootfsArchive is a tar writer that remembers its first error.
type rootfsArchive struct {
	*tar.Writer
	err error
}

func (a *rootfsArchive) add(header tar.Header, content string) {
	if a.err != nil {
		return
	}
	header.Size = int64(len(content))
	header.ModTime = time.Unix(0, 0)
	if a.err = a.WriteHeader(&header); a.err == nil {
		_, a.err = a.Write([]byte(content))
	}
}
