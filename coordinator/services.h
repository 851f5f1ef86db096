#ifndef VECFERRY_COORDINATOR_SERVICES_H_
#define VECFERRY_COORDINATOR_SERVICES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/migrations.h"
#include "coordinator/worker_registry.h"

namespace grpc {
class Service;
}

namespace vecferry::coordinator {

// The two gRPC services over `migrations`, which must outlive them: translation only.
std::unique_ptr<grpc::Service> MakeMigrationService(Migrations& migrations);
std::unique_ptr<grpc::Service> MakeLeaseService(Migrations& migrations);
// `snapshots`: the copies of sources that are in use. Both must outlive it.
std::unique_ptr<grpc::Service> MakeWorkerService(WorkerRegistry& registry,
                                                 std::function<std::vector<std::string>()> snapshots);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_SERVICES_H_
