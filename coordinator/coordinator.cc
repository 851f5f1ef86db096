#include "coordinator/coordinator.h"

#include <grpcpp/impl/codegen/service_type.h>

#include <optional>
#include <utility>

#include "coordinator/migrations.h"
#include "coordinator/services.h"
#include "coordinator/upkeep.h"

namespace vecferry::coordinator {
namespace {

class CoordinatorImpl final : public Coordinator {
 public:
  CoordinatorImpl(const CoordinatorOptions& options, std::shared_ptr<Sources> sources, std::shared_ptr<Workers> workers,
                  postgres::ConnectionResolver resolver)
      : migrations_(options, std::move(sources), std::move(workers), std::move(resolver)),
        migration_service_(MakeMigrationService(migrations_)),
        lease_service_(MakeLeaseService(migrations_)) {
    if (options.life == Life::kService) upkeep_.emplace(options.duties, migrations_);
  }

  grpc::Service* migration_service() override { return migration_service_.get(); }
  grpc::Service* lease_service() override { return lease_service_.get(); }
  void Stop() override { migrations_.Stop(); }
  bool ready() override { return !upkeep_ || upkeep_->looked(); }

 private:
  Migrations migrations_;
  const std::unique_ptr<grpc::Service> migration_service_;
  const std::unique_ptr<grpc::Service> lease_service_;
  std::optional<Upkeep> upkeep_;
};

}  // namespace

std::unique_ptr<Coordinator> MakeCoordinator(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                                             std::shared_ptr<Workers> workers, postgres::ConnectionResolver resolver) {
  return std::make_unique<CoordinatorImpl>(options, std::move(sources), std::move(workers), std::move(resolver));
}

}  // namespace vecferry::coordinator
