package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

// defaultRoot is the runtime root of root, and of anyone else without XDG_RUNTIME_DIR.
const defaultRoot = "/run/tare"

// globals are the values of the flags before the command.
type globals struct {
	root          string
	logFile       string
	logFormat     string
	logLevel      string
	debug         bool
	cgroupManager string
	systemdCgroup bool
	rootless      string
	criu          string
}

func (p *program) globalFlags() []cli.Flag {
	g := &p.global
	return []cli.Flag{
		&cli.StringFlag{Name: "root", Destination: &g.root,
			Usage:       "keep the state of containers below `DIR`",
			DefaultText: defaultRoot + ", or $XDG_RUNTIME_DIR/tare for a user other than root"},
		&cli.StringFlag{Name: "log", Destination: &g.logFile,
			Usage: "append log lines to `FILE`, or send them to journald:NAME or syslog:NAME; an error is printed on stderr as well", DefaultText: "stderr"},
		&cli.StringFlag{Name: "log-format", Destination: &g.logFormat, Value: formatText,
			Usage: "`FORMAT` of log lines: text or json"},
		&cli.StringFlag{Name: "log-level", Destination: &g.logLevel,
			Usage: "log this `LEVEL` and worse: error, warning or debug", DefaultText: "error with --log, else warning"},
		&cli.BoolFlag{Name: "debug", Destination: &g.debug, DisableDefaultText: true,
			Usage: "the same as --log-level debug"},
		&cli.BoolFlag{Name: "systemd-cgroup", Destination: &g.systemdCgroup, DisableDefaultText: true,
			Usage: "the same as --cgroup-manager systemd; cgroupsPath is then slice:prefix:name"},
		&cli.StringFlag{Name: "cgroup-manager", Destination: &g.cgroupManager,
			Usage: "`MANAGER` of control groups: cgroupfs, systemd or disabled", DefaultText: "cgroupfs"},
		&cli.StringFlag{Name: "rootless", Destination: &g.rootless, Value: "auto",
			Usage: "`MODE` true, false or auto: whether cgroups, device rules and OOM scores that this user may not have are left out where nothing confining is lost"},
		&cli.StringFlag{Name: "criu", Destination: &g.criu, Hidden: true,
			Usage: "ignored; runc removed it as well"},
	}
}

// validate refuses values that mean nothing. What is accepted but has no effect is a debug line: a warning would be a
// second line in the log file, and Podman reads that file as exactly one JSON object.
func (g *globals) validate(log *logger) error {
	switch g.cgroupManager {
	case "", "cgroupfs", "systemd", "disabled":
	default:
		return badValue("cgroup-manager", g.cgroupManager, "cgroupfs, systemd and disabled")
	}
	if g.rootless != "auto" {
		rootless, err := strconv.ParseBool(g.rootless)
		if err != nil {
			return badValue("rootless", g.rootless, "true, false and auto")
		}
		g.rootless = strconv.FormatBool(rootless)
	}
	if g.criu != "" {
		log.debug("--criu is ignored")
	}
	return nil
}

// manager is the cgroup manager. The flag that names one wins over --systemd-cgroup: Podman on a systemd host gives both
// for a container with cgroups disabled.
func (g *globals) manager() string {
	switch {
	case g.cgroupManager != "":
		return g.cgroupManager
	case g.systemdCgroup:
		return "systemd"
	}
	return "cgroupfs"
}

// stateRoot is --root, or the default for this user.
func (g *globals) stateRoot() string {
	if g.root != "" {
		return g.root
	}
	if xdg := os.Getenv("XDG_RUNTIME_DIR"); xdg != "" && !isHostRoot() {
		return filepath.Join(xdg, "tare")
	}
	return defaultRoot
}

// isHostRoot reports whether the user is root and not merely mapped to it. Rootless Podman calls the runtime as uid 0 of
// its own user namespace, where /run/tare cannot be written; USER keeps the caller's name there, while root of a container
// has USER=root. This is runc's rule.
func isHostRoot() bool {
	if os.Geteuid() != 0 {
		return false
	}
	return os.Getenv("USER") == "root" || !inUserNamespace()
}

// inUserNamespace compares the id map with that of the initial namespace (user_namespaces(7)). Without /proc the answer is
// no; no verb gets far without it anyway.
func inUserNamespace() bool {
	data, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !isInitialMap(string(data))
}

func isInitialMap(uidMap string) bool {
	return strings.Join(strings.Fields(uidMap), " ") == "0 0 4294967295"
}

// badValue is the error of a flag whose value is none of the accepted ones.
func badValue(flag, value, accepted string) error {
	return &fault.Error{Op: "--" + flag, Path: value, Err: fault.Text("unknown value"), Hint: "accepted are " + accepted}
}
