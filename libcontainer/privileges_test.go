package libcontainer

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/step"
)

// E22 D16: init inherits the OOM score from the runtime, which has its own back afterwards, whatever becomes of init.
func TestWithScore(t *testing.T) {
	score := func() string {
		text, err := os.ReadFile("/proc/self/oom_score_adj")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	before, failed := score(), errors.New("no init")
	p := &plan.Plan{Init: []step.Entry{{Step: &step.Loopback{}}, {Step: &step.OOMScoreAdj{Adj: 987}}, {Step: &step.Keyring{}}}}
	during := ""
	err := (&Runtime{}).withScore(p, "create", func() error { during = score(); return failed })
	if err != failed || during != "987" || score() != before || len(p.Init) != 2 {
		t.Errorf("%v: %s while init starts, %s after that, %s before; %d steps", err, during, score(), before, len(p.Init))
	}
}
