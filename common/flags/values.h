#ifndef VECFERRY_COMMON_FLAGS_VALUES_H_
#define VECFERRY_COMMON_FLAGS_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vecferry::flags {

// Values of flags, as text from the command line. Pure. Every error is kInvalidArgument and names flag, value and what
// is allowed; it is a usage error (exit 2).

absl::StatusOr<std::int64_t> ParseNumber(absl::string_view flag, absl::string_view text, std::int64_t low,
                                         std::int64_t high);

// Bytes: "1048576", "64MiB", "1GB". Units B, KiB, MiB, GiB, kB, MB, GB.
absl::StatusOr<std::int64_t> ParseSize(absl::string_view flag, absl::string_view text, std::int64_t low,
                                       std::int64_t high);

// One of `allowed`.
absl::StatusOr<std::string> ParseChoice(absl::string_view flag, absl::string_view text,
                                        const std::vector<std::string>& allowed);

// Comma-separated names, sorted, each once.
absl::StatusOr<std::vector<std::string>> ParseNames(absl::string_view flag, absl::string_view text);

// The error of a value that is not allowed.
absl::Status Refuse(absl::string_view flag, absl::string_view value, absl::string_view allowed);

// The member of `candidates` that `word` most probably meant; "" when none is near.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace vecferry::flags

#endif  // VECFERRY_COMMON_FLAGS_VALUES_H_
