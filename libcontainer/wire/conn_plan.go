package wire

import "golang.org/x/sys/unix"

// partData and partDescriptors are what one PlanPart carries at most. The kernel takes 253 descriptors (SCM_MAX_FD).
const (
	partData        = MaxMessage - 64
	partDescriptors = 200
)

// SendPlan cuts an encoded plan into parts. The descriptors go with them in order: those that the steps count from 1, and
// gateFd, −1 for none, as the last. They stay the caller's.
func (c *Conn) SendPlan(plan []byte, fds []int, gateFd int) error {
	gate := gateFd >= 0
	if gate {
		fds = append(fds[:len(fds):len(fds)], gateFd)
	}
	for {
		data, some := min(len(plan), partData), min(len(fds), partDescriptors)
		last := data == len(plan) && some == len(fds)
		if err := c.Send(&PlanPart{Data: plan[:data], Last: last, Gate: last && gate}, fds[:some]...); err != nil {
			return err
		}
		if last {
			return nil
		}
		plan, fds = plan[data:], fds[some:]
	}
}

// RecvPlan gathers the parts of a plan and its descriptors, gateFd being −1 where there is no gate.
func (c *Conn) RecvPlan() (plan []byte, fds []int, gateFd int, err error) {
	oob := make([]byte, unix.CmsgSpace(4*partDescriptors))
	for {
		m, more, err := c.recv(oob)
		fds = append(fds, more...)
		if err == nil {
			p, ok := m.(*PlanPart)
			if ok && len(plan)+len(p.Data) <= MaxPlan && (!p.Gate || p.Last && len(fds) > 0) {
				if plan = append(plan, p.Data...); !p.Last {
					continue
				}
				if !p.Gate {
					return plan, fds, -1, nil
				}
				last := len(fds) - 1
				return plan, fds[:last], fds[last], nil
			}
			err = errMalformed
		}
		closeAll(fds)
		return nil, nil, -1, err
	}
}
