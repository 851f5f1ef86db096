#ifndef VECFERRY_COMMON_POSTGRES_CONNINFO_H_
#define VECFERRY_COMMON_POSTGRES_CONNINFO_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vecferry::postgres {

// The options that `conninfo` sets itself (not the environment's), in libpq's order.
// Errors: kInvalidArgument; the text quotes nothing of `conninfo`, for any part of it may be a mistyped password.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseConninfo(absl::string_view conninfo);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_CONNINFO_H_
