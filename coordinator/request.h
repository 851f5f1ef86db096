#ifndef VECFERRY_COORDINATOR_REQUEST_H_
#define VECFERRY_COORDINATOR_REQUEST_H_

#include "absl/status/statusor.h"
#include "common/rpc/clients.h"
#include "coordinator/coordinator.h"

namespace vecferry::coordinator {

// What was asked for, in the one form that identities are compared by: lists sorted, the source's real path as this
// process sees it. Errors: kInvalidArgument: a value that is not allowed, by its field and what is.
absl::StatusOr<rpc::StartOptions> CheckRequest(rpc::StartOptions asked, Life life);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_REQUEST_H_
