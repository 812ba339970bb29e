package engines

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// image is the name of the image that all engines are given: busybox and a few files.
const image = "docker.io/library/tare-test:latest"

// applets are the programs of the image; they are links to busybox.
var applets = []string{
	"sh", "ls", "cat", "echo", "sleep", "true", "false", "id", "env", "stat", "mount", "touch", "mkdir", "rm", "grep", "head", "od", "dd", "kill",
	"hostname", "pwd", "readlink", "ps", "nproc", "top", "tty", "stty", "wc", "chown", "mknod", "sync", "tail", "test", "cut", "sort", "ulimit", "date",
}

// imageArchive makes the image as `docker save` writes one, which every engine reads, and returns its path.
var imageArchive = sync.OnceValues(func() (string, error) { return makeImage(image, "sh") })

// pauseImage is the same, and waits.
const pauseImage = "docker.io/library/tare-pause:latest"

func makeImage(name string, command ...string) (string, error) {
	program, err := busyboxProgram()
	if err != nil {
		return "", err
	}
	layer, err := makeLayer(program)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config":  map[string]any{"Cmd": command, "Env": []string{"PATH=/bin"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
		"history": []map[string]any{{"created_by": "the tests"}},
	})
	if err != nil {
		return "", err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return "", err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []struct {
		name    string
		content []byte
	}{{"config.json", config}, {"layer.tar", layer}, {"manifest.json", manifest}} {
		if err := addFile(w, f.name, 0o644, f.content); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	path := filepath.Join(workspace, strings.NewReplacer("/", "_", ":", "_").Replace(name)+".tar")
	return path, os.WriteFile(path, archive.Bytes(), 0o644)
}

func busyboxProgram() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func makeLayer(busybox []byte) ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var"} {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		name string
		mode int64
		text string
	}{
		{"etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"},
		{"etc/group", 0o644, "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"},
		{"etc/plain", 0o644, "no program\n"},
		{"bin/crlf", 0o755, "#!/bin/sh\r\necho never\r\n"},
	} {
		if err := addFile(w, f.name, f.mode, []byte(f.text)); err != nil {
			return nil, err
		}
	}
	if err := addFile(w, "bin/busybox", 0o755, busybox); err != nil {
		return nil, err
	}
	for _, name := range applets {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return layer.Bytes(), err
}

func addFile(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// archive is imageArchive for a test.
func archive(t *testing.T) string {
	t.Helper()
	path, err := imageArchive()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// pauseArchive is the same for the pause image, with a command that waits.
func pauseArchive(t *testing.T, command ...string) string {
	t.Helper()
	path, err := makeImage(pauseImage, command...)
	must(t, err)
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
