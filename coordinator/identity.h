#ifndef VECFERRY_COORDINATOR_IDENTITY_H_
#define VECFERRY_COORDINATOR_IDENTITY_H_

#include <string>

#include "common/core/plan.h"
#include "common/rpc/clients.h"

namespace vecferry::coordinator {

// The canonical text of an identity, by which the ledger finds the migration again: equal texts mean the same
// migration. JSON in ASCII; bytes that are no printable ASCII, and '%', '"', '\', are percent-encoded (a path need not
// be UTF-8).
std::string IdentityText(const core::Identity& identity);

// The tuning flags of a command as the ledger keeps them: JSON, without credentials.
std::string OptionsJson(const rpc::StartOptions& options);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_IDENTITY_H_
