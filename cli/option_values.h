#ifndef VECFERRY_CLI_OPTION_VALUES_H_
#define VECFERRY_CLI_OPTION_VALUES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/replay.h"

namespace vecferry::cli {

// Values of flags in vecferry's own words; rules as common/flags/values.h.

// TABLE.COLUMN:DIMENSION, as it stands.
absl::StatusOr<std::string> ParseVectorColumn(absl::string_view flag, absl::string_view text);

// TABLE.COLUMN=VALUE, parted at the first dot and the first equals sign after it; the value NULL is none.
absl::StatusOr<core::SetValue> ParseSetValue(absl::string_view flag, absl::string_view text);

// The name of a schema that vecferry may fill.
absl::StatusOr<std::string> ParseSchema(absl::string_view flag, absl::string_view text);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_OPTION_VALUES_H_
