package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// The functions below turn the value of an option into JSON. A limit is removed by null.

// unset is the value that removes a limit.
const unset = "unset"

func numberJSON(text string) (string, error) {
	if text == unset {
		return "null", nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return "", fault.Text(`not a number, nor "unset"`)
	}
	return strconv.FormatUint(n, 10), nil
}

func listJSON(text string) (string, error) {
	switch text {
	case unset:
		return "null", nil
	case "":
		return "", fault.Text(`empty; leave the option out, or give "unset"`)
	}
	return string(appendString(nil, text)), nil
}

func bytesJSON(text string) (string, error) {
	switch text {
	case unset:
		return "null", nil
	case "-1":
		return text, nil
	}
	n, ok := parseBytes(text)
	if !ok {
		return "", fault.Text(`not a size such as 1073741824, 512m or 1.5g, nor -1 or "unset"`)
	}
	return strconv.FormatInt(n, 10), nil
}

// notZero refuses what to the specification means that nothing is asked for.
func notZero(read func(string) (string, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		value, err := read(text)
		if value == "0" {
			return "", fault.Text(`would change nothing; "unset" removes the limit`)
		}
		return value, err
	}
}

// zeroUnsets is for limits where zero can mean nothing but that there is none.
func zeroUnsets(read func(string) (string, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		value, err := read(text)
		if value == "0" {
			return "null", nil
		}
		return value, err
	}
}

// parseBytes reads a size as Docker's tools write it: a decimal number, maybe with a fraction, then maybe a space, then maybe
// one of k, m, g, t, p in either case, with or without "b" or "ib", all of them powers of 1024; or "b" alone.
func parseBytes(text string) (int64, bool) {
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	number, suffix := text[:end], strings.ToLower(strings.TrimPrefix(text[end:], " "))
	shift := 0
	if suffix != "" && suffix != "b" {
		letter := strings.IndexByte("kmgtp", suffix[0])
		if letter < 0 || suffix[1:] != "" && suffix[1:] != "b" && suffix[1:] != "ib" {
			return 0, false
		}
		shift = 10 * (letter + 1)
	}
	whole, fraction, dotted := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, false
	}
	n <<= shift
	if !dotted {
		return n, true
	}
	part, err := strconv.ParseFloat("0."+fraction, 64)
	if err != nil || fraction == "" || strings.Contains(fraction, ".") {
		return 0, false
	}
	part *= float64(int64(1) << shift)
	if float64(math.MaxInt64-n) <= part {
		return 0, false
	}
	return n + int64(part), true
}
