#ifndef VECFERRY_COMMON_SERVICE_WORKER_H_
#define VECFERRY_COMMON_SERVICE_WORKER_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/flags/arguments.h"
#include "common/rpc/clients.h"
#include "common/service/coordinators.h"
#include "common/service/options.h"

namespace vecferry::service {

// What reader, writer and verifier take to find their coordinators: --coordinator, --advertise.
void AddWorkerFlags(flags::Arguments& arguments);

// A writer without --coordinator has no targets. Errors: kInvalidArgument, naming flag, value and what is allowed: also
// where others would be told an address that only this machine knows, and for plain text beyond it.
absl::StatusOr<CoordinatorsOptions> ReadWorkerFlags(const flags::Arguments& arguments, const ServiceOptions& service,
                                                    rpc::WorkerKind kind);

// HOST-PID-XXXXXXXX with eight digits of a UUID: unique among all processes that ever run.
std::string MakeWorkerName();

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_WORKER_H_
