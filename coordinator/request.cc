#include "coordinator/request.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/core/migration.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::coordinator {
namespace {

absl::Status Choice(absl::string_view field, const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": '", core::SanitizeText(value), "'; allowed: ", absl::StrJoin(allowed, ", ")));
}

// Numbers that fit no signed field come as negative ones.
absl::Status Range(absl::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (low <= value && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value < 0 ? "too large" : absl::StrCat(value), "; allowed: ", low, " to ", high));
}

void SortNames(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

absl::StatusOr<rpc::StartOptions> CheckRequest(rpc::StartOptions asked, Life life) {
  core::Identity& identity = asked.identity;
  RETURN_IF_ERROR(Choice("identity.source_kind", identity.source_kind, {"sqlite"}));
  RETURN_IF_ERROR(Choice("identity.profile", identity.profile, {"auto", "vestige", "generic"}));
  RETURN_IF_ERROR(Choice("identity.on_conflict", identity.on_conflict, {"skip", "update", "fail"}));
  RETURN_IF_ERROR(Choice("on_source_change", asked.on_source_change, {"reconcile", "fail"}));
  RETURN_IF_ERROR(
      Choice("verify_level", asked.verify_level, {core::kVerifyCounts, core::kVerifySample, core::kVerifyFull}));
  RETURN_IF_ERROR(Range("identity.max_row_bytes", identity.max_row_bytes, 1, core::kRowBytesMax));
  RETURN_IF_ERROR(Range("connections_max", asked.connections_max, core::kLedgerConnections + 1, core::kConnectionsMax));
  RETURN_IF_ERROR(Range("readers", asked.readers, 0, core::kStreamsMax));
  RETURN_IF_ERROR(Range("writers", asked.writers, 0, core::kStreamsMax));
  RETURN_IF_ERROR(Range("batch_rows_max", asked.batch_rows_max, 1, core::kBatchRowsMax));
  RETURN_IF_ERROR(Range("rejects_max", asked.rejects_max, 0, core::kRejectsMax));
  if (identity.destination_schema.empty() || identity.destination_schema.size() > core::kIdentifierBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("identity.destination_schema: ", identity.destination_schema.size(),
                                                   " bytes; allowed: 1 to ", core::kIdentifierBytesMax));
  }
  // A command's own folder is its caller's.
  if (life == Life::kService && !absl::StartsWith(identity.source_path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("identity.source_path: '", core::SanitizeText(identity.source_path),
                     "' is opened where the coordinator runs; allowed: an absolute path"));
  }
  identity.source_path = sqlite::RealPath(identity.source_path);
  for (auto* names : {&identity.only, &identity.skip, &identity.vector_columns}) SortNames(*names);
  return asked;
}

}  // namespace vecferry::coordinator
