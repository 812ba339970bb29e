// Package process owns what turns init into the container's program: ids, limits, signals, standard streams, working
// directory, environment, finding the program and executing it, with an explanation where the kernel only says "no such file".
//
// It may not decide the order of these (package initproc does), open paths of the host, or import os, fmt or
// encoding/json: init links it. Every function acts on the calling thread or process, and expects the thread to be locked.
//
// Functions with two errors return first what only deserves a warning, then what must stop the container.
package process
