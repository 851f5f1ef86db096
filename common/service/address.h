#ifndef VECFERRY_COMMON_SERVICE_ADDRESS_H_
#define VECFERRY_COMMON_SERVICE_ADDRESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vecferry::service {

struct HostPort {
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
};

// HOST:PORT, as the value of `flag`. Errors: kInvalidArgument, naming flag, value and what is allowed.
absl::StatusOr<HostPort> ParseHostPort(const std::string& flag, const std::string& text);

// All addresses of a host, as ADDRESS:PORT: the IPv4 ones, else the IPv6 ones. A service on both must not be taken for
// two. May take as long as the machine's resolver. Errors: kUnavailable, with what the resolver says.
absl::StatusOr<std::vector<std::string>> ResolveHost(const HostPort& target);

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_ADDRESS_H_
