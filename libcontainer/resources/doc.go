// Package resources owns what an update does to the limits of a container: it merges a patch into /linux/resources, and
// says what has to be written for the difference.
//
// It is pure, and knows neither where a patch comes from nor how a limit gets into the kernel.
//
// # What a patch means
//
// A patch is a JSON merge patch (RFC 7396) of /linux/resources: a member with a value replaces the limit, one that is null
// removes it, and what is not there stays as it is. It differs from the RFC where engines would otherwise do what they do
// not mean:
//
//   - Zero is "unset" to most limits of the specification, and Docker sends it for what it does not want to change. It
//     changes nothing.
//   - An entry of a list replaces the one for the same device, page size or interface, and leaves the others alone.
//   - Device rules are not limits: package libcontainer decides about them.
package resources
