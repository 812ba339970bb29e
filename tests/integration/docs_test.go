package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The examples of the guides work as they stand: each block of sh is run, in an empty directory.
func TestGuides(t *testing.T) {
	requireRoot(t)
	guides, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	if len(guides) == 0 {
		t.Skip("there are no guides here") // a virtual machine has the test alone
	}
	bin := t.TempDir()
	must(t, os.Symlink(tare, filepath.Join(bin, "tare")))
	block := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	for _, guide := range guides {
		for i, script := range block.FindAllStringSubmatch(read(t, guide), -1) {
			t.Run(filepath.Base(guide)+"/"+itoa(i), func(t *testing.T) {
				c := exec.Command("/bin/sh", "-euc", script[1])
				c.Dir = t.TempDir()
				c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+c.Dir)
				if out, err := c.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
