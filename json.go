package main

import (
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tare-run/tare/libcontainer"
)

// This file writes the two documents that are on the path of every engine by hand: the state of one container and a log
// line. In a process that lives for two milliseconds, the first use of encoding/json costs a twentieth of the whole,
// because it inspects the types first. A test compares the result with that of encoding/json, for every field.

// appendState appends the state as indented JSON, in the order of the fields of libcontainer.State.
func appendState(b []byte, s *libcontainer.State) []byte {
	b = appendMember(b, "{\n  ", "ociVersion", s.OCIVersion)
	b = appendMember(b, ",\n  ", "id", s.ID)
	b = append(b, ",\n  \"pid\": "...)
	b = strconv.AppendInt(b, int64(s.Pid), 10)
	b = appendMember(b, ",\n  ", "status", string(s.Status))
	b = appendMember(b, ",\n  ", "bundle", s.Bundle)
	b = appendMember(b, ",\n  ", "rootfs", s.Rootfs)
	if s.Overlay != "" {
		b = appendMember(b, ",\n  ", "overlay", s.Overlay)
	}
	b = appendMember(b, ",\n  ", "created", s.Created.Format(time.RFC3339Nano))
	if len(s.Annotations) > 0 {
		b = append(b, ",\n  \"annotations\": "...)
		separator := "{\n    "
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			b = appendMember(b, separator, key, s.Annotations[key])
			separator = ",\n    "
		}
		b = append(b, "\n  }"...)
	}
	b = appendMember(b, ",\n  ", "owner", s.Owner)
	if s.Unit != "" {
		b = appendMember(b, ",\n  ", "unit", s.Unit)
	}
	return append(b, "\n}"...)
}

// appendMember appends what separates a member from the one before it, its name and its value.
func appendMember(b []byte, separator, name, value string) []byte {
	b = append(b, separator...)
	b = appendString(b, name)
	b = append(b, ": "...)
	return appendString(b, value)
}

// appendString appends a JSON string (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD: paths may be any bytes, JSON
// may not.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ':
			b = append(b, `\u00`...)
			b = append(b, hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
