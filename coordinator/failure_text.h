#ifndef VECFERRY_COORDINATOR_FAILURE_TEXT_H_
#define VECFERRY_COORDINATOR_FAILURE_TEXT_H_

#include <string>

#include "absl/status/status.h"

namespace vecferry::coordinator {

// What the ledger and reports keep of an error that stopped a migration: one line that ends with what to do. The same
// command goes on from where it stopped, unless the message already says otherwise.
std::string FailureText(const absl::Status& status);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_FAILURE_TEXT_H_
