#ifndef VECFERRY_COORDINATOR_IDENTITY_H_
#define VECFERRY_COORDINATOR_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/rpc/clients.h"
#include "coordinator/coordinator.h"

namespace vecferry::coordinator {

// The canonical text of an identity, by which the ledger finds the migration again: equal texts mean the same
// migration. JSON in ASCII; bytes that are no printable ASCII, and '%', '"', '\', are percent-encoded (a path need not
// be UTF-8).
std::string IdentityText(const core::Identity& identity);

// The tuning flags of a command as the ledger keeps them: JSON, without credentials. `life`: of the coordinator that
// drives it.
std::string OptionsJson(const rpc::StartOptions& options, Life life);
// Whether OptionsJson was of a service. kDataLoss: no such text.
absl::StatusOr<bool> IsForService(const std::string& json);
// The inverse, but for the identity. kDataLoss: no such text.
absl::StatusOr<rpc::StartOptions> ParseOptions(const std::string& json);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_IDENTITY_H_
