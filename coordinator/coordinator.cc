#include "coordinator/coordinator.h"

#include <grpcpp/impl/codegen/service_type.h>

#include <utility>

#include "coordinator/migrations.h"
#include "coordinator/services.h"

namespace vecferry::coordinator {
namespace {

class CoordinatorImpl final : public Coordinator {
 public:
  CoordinatorImpl(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                  postgres::ConnectionResolver resolver, rpc::VerifierClient& verifier)
      : migrations_(options, std::move(sources), std::move(resolver), verifier),
        migration_service_(MakeMigrationService(migrations_)),
        lease_service_(MakeLeaseService(migrations_)) {}

  grpc::Service* migration_service() override { return migration_service_.get(); }
  grpc::Service* lease_service() override { return lease_service_.get(); }
  void Stop() override { migrations_.Stop(); }

 private:
  Migrations migrations_;
  const std::unique_ptr<grpc::Service> migration_service_;
  const std::unique_ptr<grpc::Service> lease_service_;
};

}  // namespace

std::unique_ptr<Coordinator> MakeCoordinator(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                                             postgres::ConnectionResolver resolver, rpc::VerifierClient* verifier) {
  return std::make_unique<CoordinatorImpl>(options, std::move(sources), std::move(resolver), *verifier);
}

}  // namespace vecferry::coordinator
