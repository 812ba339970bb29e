package main

import (
	"io"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
)

// Set by the linker: -X main.version=1.2.3 -X main.gitCommit=0123456789ab
var (
	version   = "devel"
	gitCommit = "unknown"
)

// printVersion answers --version. dockerd reads the first line and "commit: ", go-runc the line "spec: " as well; more
// lines may follow.
func (p *program) printVersion(*cli.Context) {
	// The answer of a failed write would be another write.
	_, _ = io.WriteString(p.stdout, p.name+" version "+version+
		"\ncommit: "+gitCommit+"\nspec: "+specs.Version+"\ngo: "+runtime.Version()+"\n")
}
