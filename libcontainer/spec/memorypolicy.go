package spec

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// memoryPolicy checks what set_mempolicy(2) would refuse with no more than EINVAL.
func (c *checker) memoryPolicy(p *specs.LinuxMemoryPolicy) {
	if p == nil {
		return
	}
	nodes, err := ParseNodes(p.Nodes)
	if err != "" {
		c.add(err, "linux", "memoryPolicy", "nodes").Path = p.Nodes
		return
	}
	with := " with " + string(p.Mode)
	switch p.Mode {
	case specs.MpolDefault, specs.MpolLocal:
		if len(nodes) > 0 {
			c.add("must be empty"+with, "linux", "memoryPolicy", "nodes").Path = p.Nodes
		}
	case specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferredMany:
		if len(nodes) == 0 {
			c.add("must name at least one node"+with, "linux", "memoryPolicy", "nodes")
		}
	case specs.MpolPreferred: // without nodes it is the same as MPOL_LOCAL
	case "":
		c.require(false, "linux", "memoryPolicy", "mode")
		return
	default:
		c.add("is not a memory policy", "linux", "memoryPolicy", "mode").Path = string(p.Mode)
		return
	}
	c.memoryPolicyFlags(p, len(nodes) > 0)
}

func (c *checker) memoryPolicyFlags(p *specs.LinuxMemoryPolicy, hasNodes bool) {
	for i, flag := range p.Flags {
		refuse := func(why string) {
			c.add(why, "linux", "memoryPolicy", "flags", i).Path = string(flag)
		}
		switch flag {
		case specs.MpolFNumaBalancing:
			if p.Mode != specs.MpolBind && p.Mode != specs.MpolPreferredMany {
				refuse("goes with MPOL_BIND and MPOL_PREFERRED_MANY only")
			}
		case specs.MpolFRelativeNodes, specs.MpolFStaticNodes:
			if !hasNodes {
				refuse("has no meaning without nodes")
			}
			if flag == specs.MpolFStaticNodes && slices.Contains(p.Flags, specs.MpolFRelativeNodes) {
				refuse("excludes MPOL_F_RELATIVE_NODES")
			}
		default:
			refuse("is not a flag of memory policies")
		}
	}
}

// maxNode is the highest memory node: no kernel is built for more (CONFIG_NODES_SHIFT is at most 10).
const maxNode = 1023

// ParseNodes reads a list of memory nodes, "0-3,7". problem is empty, or says what is wrong.
func ParseNodes(text string) (nodes []uint32, problem string) {
	if text == "" {
		return nil, ""
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, ok := nodeNumber(from)
		last := first
		if ok && isRange {
			last, ok = nodeNumber(to)
		}
		switch {
		case !ok:
			return nil, "is not a list of nodes such as 0-3,7, from 0 to " + strconv.Itoa(maxNode)
		case last < first:
			return nil, "has a range that ends before it begins"
		}
		for n := first; n <= last; n++ {
			nodes = append(nodes, n)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes), ""
}

// nodeNumber takes digits only: no sign, no space, no other base.
func nodeNumber(text string) (uint32, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n <= maxNode
}
