#ifndef VECFERRY_CLI_DESTINATION_H_
#define VECFERRY_CLI_DESTINATION_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace vecferry::cli {

// What named the database: a later command in the same shell must name it again only where it was the flag.
enum class DestinationBy { kFlag, kEnvironment, kCoordinator };

// Which database a command means, and why.
struct Destination {
  bool is_private = false;  // the private local server
  std::string conninfo;     // may hold a password; "" = libpq's environment
  std::string masked;       // for people
  std::string reason;       // such as "--postgres-url"
  DestinationBy by = DestinationBy::kEnvironment;
};

// --postgres-url, else VECFERRY_POSTGRES_URL, else libpq's own environment, else the private local server. Connects to
// nothing. Errors: kInvalidArgument when the text cannot be read as a connection; it is not repeated.
absl::StatusOr<Destination> ChooseDestination(const std::string& flag);

// The first line on stderr.
std::string DestinationLine(const Destination& destination);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_DESTINATION_H_
