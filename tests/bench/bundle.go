package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// defaultConfig is the configuration that `spec` of every runtime prints, without a terminal: all namespaces but user and
// cgroup v1's, seven mounts, device rules, masked and read-only paths, a read-only root, three capabilities.
//
//go:embed testdata/config.json
var defaultConfig []byte

// newBundle makes a bundle below dir whose program is args, with a root filesystem that holds busybox and nothing else.
func newBundle(dir string, args ...string) error {
	var config map[string]any
	if err := json.Unmarshal(defaultConfig, &config); err != nil {
		return err
	}
	config["process"].(map[string]any)["args"] = args
	text, err := json.MarshalIndent(config, "", "\t")
	if err != nil {
		return err
	}
	rootfs := filepath.Join(dir, "rootfs")
	for _, name := range []string{"bin", "dev", "proc", "sys"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(rootfs, name), 0o755))
	}
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644), addBusybox(filepath.Join(rootfs, "bin")))
}

func addBusybox(bin string) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w (package busybox-static)", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(bin, "busybox"), program, 0o755)
	for _, applet := range []string{"true", "sleep"} {
		err = errors.Join(err, os.Symlink("busybox", filepath.Join(bin, applet)))
	}
	return err
}
