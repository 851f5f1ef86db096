#include "common/service/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/flags/values.h"

namespace vecferry::service {
namespace {

constexpr std::int64_t kPortMax = 65535;

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(const std::string& flag, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return flags::Refuse(flag, text, "HOST:PORT");
  HostPort parsed = {text.substr(0, colon), text.substr(colon + 1)};
  const bool bracketed = parsed.host.size() >= 2 && parsed.host.front() == '[' && parsed.host.back() == ']';
  if (bracketed) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  const bool colons_fit = bracketed == (parsed.host.find(':') != std::string::npos);
  if (parsed.host.empty() || !colons_fit || !flags::ParseNumber(flag, parsed.port, 1, kPortMax).ok()) {
    return flags::Refuse(flag, text, "HOST:PORT, an IPv6 address in brackets, a port from 1 to 65535");
  }
  return parsed;
}

absl::StatusOr<std::vector<std::string>> ResolveHost(const HostPort& target) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(absl::StrCat(target.host, ": ", gai_strerror(error)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::set<std::string> ipv4, ipv6;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char host[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof(host), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (one->ai_family == AF_INET) ipv4.insert(absl::StrCat(host, ":", target.port));
    if (one->ai_family == AF_INET6) ipv6.insert(absl::StrCat("[", host, "]:", target.port));
  }
  const std::set<std::string>& chosen = ipv4.empty() ? ipv6 : ipv4;
  if (chosen.empty()) return absl::UnavailableError(absl::StrCat(target.host, " has no address"));
  return std::vector<std::string>(chosen.begin(), chosen.end());
}

}  // namespace vecferry::service
