package engines

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"
)

var runs = flag.Int("runs", 0, "measure that many containers of each runtime, in turn, instead of testing; with -v")

// TestMeasure compares how long an engine takes for a container that does nothing: the runtimes in turn, so that each has the
// same neighbours. What is the engine's own time is in both.
func TestMeasure(t *testing.T) {
	if *runs == 0 {
		t.Skip("nothing to test: -runs N -run TestMeasure -v compares the time of N containers of each runtime")
	}
	for _, e := range []struct {
		with func(string) *engine
		args []string
	}{
		{podman(t), []string{"run", "--rm", image, "true"}},
		{startContainerd(t), []string{"run", "--rm", image, "c1", "true"}},
	} {
		times := map[string][]time.Duration{}
		runtimes := []string{"tare", "runc"}
		for range *runs {
			for _, runtime := range runtimes {
				begin := time.Now()
				if r := e.with(runtime).try(e.args...); r.status != 0 {
					t.Fatalf("%s: %+v", runtime, r)
				}
				times[runtime] = append(times[runtime], time.Since(begin))
			}
		}
		total := map[string]time.Duration{}
		for _, runtime := range runtimes {
			for _, d := range times[runtime] {
				total[runtime] += d
			}
			slices.Sort(times[runtime])
		}
		fmt.Printf("%s run --rm, %d times: tare %v, runc %v, ratio %.2f; median tare %v, runc %v\n", e.with("tare").name, *runs,
			total["tare"].Round(time.Millisecond), total["runc"].Round(time.Millisecond), total["tare"].Seconds()/total["runc"].Seconds(),
			times["tare"][*runs/2].Round(time.Millisecond), times["runc"][*runs/2].Round(time.Millisecond))
	}
}
