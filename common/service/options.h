#ifndef VECFERRY_COMMON_SERVICE_OPTIONS_H_
#define VECFERRY_COMMON_SERVICE_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags/arguments.h"
#include "common/rpc/server.h"

namespace vecferry::service {

// What every service program takes (docs/services.md). Plain data.
struct ServiceOptions {
  rpc::ServerOptions server;
  std::string metrics_listen;  // HOST:PORT; "" = no HTTP endpoints
  absl::Duration drain_timeout = absl::Seconds(30);
  std::string log_level = "info", log_format = "text";
  std::map<std::string, std::string> connections;  // --connection NAME=URL; may hold passwords: never printed
  std::string connections_dir;                     // one file a name
};

void AddServiceFlags(flags::Arguments& arguments);
// A flag that is not given is taken from VECFERRY_<FLAG>. Errors: kInvalidArgument, naming flag, value and what is
// allowed.
absl::StatusOr<ServiceOptions> ReadServiceFlags(const flags::Arguments& arguments);

// NAME=VALUE lines, as a process has them.
using Environment = std::vector<std::string>;
Environment ProcessEnvironment();

// The named connections of one service: of --connection, of VECFERRY_CONNECTION_<NAME> (upper case, _ for all but
// letters and digits), or of the file of that name in --connections-dir, in this order. Thread-safe.
class Connections {
 public:
  Connections(const ServiceOptions& options, const Environment& environment);

  // libpq's text, read anew from a file each time. Errors: kNotFound, saying where it was looked for.
  absl::StatusOr<std::string> Resolve(absl::string_view name) const;
  // All that there are now; those of the environment in lower case. Errors: kUnavailable, the folder cannot be read.
  absl::StatusOr<std::vector<std::string>> Names() const;

 private:
  std::map<std::string, std::string> given_;        // by name
  std::map<std::string, std::string> environment_;  // by what follows VECFERRY_CONNECTION_
  std::string folder_;
};

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_OPTIONS_H_
