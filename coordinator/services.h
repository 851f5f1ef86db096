#ifndef VECFERRY_COORDINATOR_SERVICES_H_
#define VECFERRY_COORDINATOR_SERVICES_H_

#include <memory>

#include "coordinator/migrations.h"

namespace grpc {
class Service;
}

namespace vecferry::coordinator {

// The two gRPC services over `migrations`, which must outlive them: translation only.
std::unique_ptr<grpc::Service> MakeMigrationService(Migrations& migrations);
std::unique_ptr<grpc::Service> MakeLeaseService(Migrations& migrations);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_SERVICES_H_
