// Package libcontainer is the verbs of the command line as a library: create, start, kill, delete and the others, each in
// the file of its name. It owns the order of effects and their roll-back on failure.
//
// It may not parse flags, print, or mount: those belong to main, and to the packages below, which do one thing each
// (docs/architecture.md has the map). This package alone is meant to be imported by others, and it promises no stability
// yet.
//
//	create                                     init (package initproc)
//	  createSteps, in create.go       ──▶      the steps of a plan, package plan
//	start  ── start gate ──────────────▶       the program
//
// L1. Nothing is made before the record that names it is on disk; nothing of the record is forgotten before what it names
// is gone.
// L2. An error of create, or of run before the program runs, leaves nothing behind.
// L3. A status is what the kernel says about the recorded process, never what a record says about itself.
// L4. Verbs that change a container hold its lock; kill, state and list take none.
package libcontainer
