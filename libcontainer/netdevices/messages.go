package netdevices

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"
)

// link is a network device.
type link struct {
	index int32
	name  string
	flags uint32 // IFF_
}

// address is one address of a device.
type address struct {
	index             int32
	family, prefixLen uint8
	scope             uint8
	flags             uint32 // IFA_F_
	label             string // of IPv4
	// kept are the attributes that are given back as they were: local, peer and broadcast address, metric, origin.
	kept []attribute
}

type attribute struct {
	kind  uint16
	value []byte
}

// stays says whether an address is to be preserved: permanent, of global scope, of any family.
func (a *address) stays() bool {
	return a.flags&unix.IFA_F_PERMANENT != 0 && a.scope == unix.RT_SCOPE_UNIVERSE
}

// givenFlags are those that a user sets; the kernel keeps the others itself.
const givenFlags = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// ifaProto says who made an address (Linux 5.18).
const ifaProto = 11

// String is for errors. Package net would have it shorter, and costs every start of every verb.
func (a *address) String() string {
	for _, k := range [...]uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		for _, kept := range a.kept {
			if kept.kind == k {
				return numeric(kept.value) + "/" + strconv.Itoa(int(a.prefixLen))
			}
		}
	}
	return "of family " + strconv.Itoa(int(a.family))
}

// numeric writes an IPv4 address with dots, any other in groups of 16 bits.
func numeric(ip []byte) string {
	var b []byte
	if len(ip) == 4 {
		for i, n := range ip {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(n), 10)
		}
		return string(b)
	}
	for i := 0; i+1 < len(ip); i += 2 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(ip[i])<<8|uint64(ip[i+1]), 16)
	}
	return string(b)
}

// The fixed parts of the messages (rtnetlink(7)): struct ifinfomsg and struct ifaddrmsg.
const (
	infoLength    = unix.SizeofIfInfomsg
	addressLength = unix.SizeofIfAddrmsg
)

func info(index int32, flags, change uint32) []byte {
	b := make([]byte, infoLength)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], change)
	return b
}

func (c *conn) links() (list []link, err error) {
	reset := func() { list = nil }
	err = c.dump(unix.RTM_GETLINK, info(0, 0, 0), reset, func(message []byte) {
		if l, ok := parseLink(message); ok {
			list = append(list, l)
		}
	})
	return list, err
}

func parseLink(b []byte) (l link, ok bool) {
	if len(b) < infoLength {
		return l, false
	}
	l.index, l.flags = int32(binary.NativeEndian.Uint32(b[4:])), binary.NativeEndian.Uint32(b[8:])
	eachAttribute(b[infoLength:], func(kind uint16, value []byte) {
		if kind == unix.IFLA_IFNAME {
			l.name = text(value)
		}
	})
	return l, l.name != ""
}

func (c *conn) addresses() (list []address, err error) {
	reset := func() { list = nil }
	err = c.dump(unix.RTM_GETADDR, make([]byte, addressLength), reset, func(message []byte) {
		if a, ok := parseAddress(message); ok {
			list = append(list, a)
		}
	})
	return list, err
}

func parseAddress(b []byte) (a address, ok bool) {
	if len(b) < addressLength {
		return a, false
	}
	a = address{family: b[0], prefixLen: b[1], flags: uint32(b[2]), scope: b[3], index: int32(binary.NativeEndian.Uint32(b[4:]))}
	eachAttribute(b[addressLength:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFA_FLAGS: // more than the eight bits of the fixed part
			if len(value) >= 4 {
				a.flags = binary.NativeEndian.Uint32(value)
			}
		case unix.IFA_LABEL:
			a.label = text(value)
		case unix.IFA_LOCAL, unix.IFA_ADDRESS, unix.IFA_BROADCAST, unix.IFA_RT_PRIORITY, ifaProto:
			a.kept = append(a.kept, attribute{kind, bytes.Clone(value)})
		}
	})
	return a, true
}

func (c *conn) addAddress(index int32, a *address, label string) error {
	return c.request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, newAddress(index, a, label))
}

func newAddress(index int32, a *address, label string) []byte {
	flags := a.flags & givenFlags
	b := []byte{a.family, a.prefixLen, uint8(flags), a.scope}
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	for _, k := range a.kept {
		b = appendAttribute(b, k.kind, k.value)
	}
	b = appendAttribute(b, unix.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, flags))
	if label != "" {
		b = appendAttribute(b, unix.IFA_LABEL, append([]byte(label), 0))
	}
	return b
}

// move moves a device to another namespace, and renames it there.
func (c *conn) move(index int32, nsFd int, name string) error {
	b := info(index, 0, 0)
	b = appendAttribute(b, unix.IFLA_NET_NS_FD, binary.NativeEndian.AppendUint32(nil, uint32(nsFd)))
	b = appendAttribute(b, unix.IFLA_IFNAME, append([]byte(name), 0))
	return c.request(unix.RTM_NEWLINK, 0, b)
}

func (c *conn) setUp(index int32) error {
	return c.request(unix.RTM_NEWLINK, 0, info(index, unix.IFF_UP, unix.IFF_UP))
}

// align rounds up to the four bytes at which messages and attributes begin.
func align(n int) int { return (n + 3) &^ 3 }

const attributeLength = 4 // struct rtattr: length and type

func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attributeLength+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, align(len(value))-len(value))...)
}

// eachAttribute calls f for each attribute, up to one that is cut off.
func eachAttribute(b []byte, f func(kind uint16, value []byte)) {
	for len(b) >= attributeLength {
		length := int(binary.NativeEndian.Uint16(b))
		if length < attributeLength || length > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&^uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[attributeLength:length])
		b = b[min(align(length), len(b)):]
	}
}

// text is a string that ends with a zero byte.
func text(value []byte) string {
	name, _, _ := bytes.Cut(value, []byte{0})
	return string(name)
}
