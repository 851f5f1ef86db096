#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "coordinator/services.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

rpc::StartOptions FromProto(const v1::StartRequest& request) {
  rpc::StartOptions options;
  options.identity = rpc::FromProto(request.identity());
  options.connection = request.connection();
  options.connections_max = static_cast<int>(request.connections_max());
  options.readers = static_cast<int>(request.readers());
  options.writers = static_cast<int>(request.writers());
  options.batch_rows_max = static_cast<int>(request.batch_rows_max());
  options.rejects_max = static_cast<std::int64_t>(request.rejects_max());
  options.no_indexes = request.no_indexes();
  options.no_verify = request.no_verify();
  options.on_source_change = request.on_source_change();
  return options;
}

grpc::Status Answer(const absl::StatusOr<core::Report>& report, v1::Migration* response) {
  if (!report.ok()) return rpc::ToGrpc(report.status());
  *response = rpc::ToProto(*report);
  return grpc::Status::OK;
}

class MigrationService final : public v1::MigrationService::Service {
 public:
  explicit MigrationService(Migrations& migrations) : migrations_(migrations) {}

  grpc::Status Plan(grpc::ServerContext*, const v1::StartRequest* request, v1::PlanResponse* response) override {
    const absl::StatusOr<Migrations::Drawn> drawn = migrations_.Plan(FromProto(*request));
    if (!drawn.ok()) return rpc::ToGrpc(drawn.status());
    *response->mutable_plan() = rpc::ToProto(drawn->plan);
    response->set_resumes_migration_id(drawn->resumes_migration_id);
    for (const auto& [mapping, rows] : drawn->rows_present) (*response->mutable_rows_present())[mapping] = rows;
    return grpc::Status::OK;
  }

  grpc::Status Start(grpc::ServerContext*, const v1::StartRequest* request, v1::StartResponse* response) override {
    const absl::StatusOr<rpc::Started> started = migrations_.Start(FromProto(*request));
    if (!started.ok()) return rpc::ToGrpc(started.status());
    response->set_migration_id(started->migration_id);
    response->set_resumed(started->resumed);
    return grpc::Status::OK;
  }

  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request, v1::Migration* response) override {
    return Answer(migrations_.Get(request->migration_id(), request->connection()), response);
  }

  grpc::Status List(grpc::ServerContext*, const v1::ListRequest* request, v1::ListResponse* response) override {
    const absl::StatusOr<std::vector<core::Report>> reports = migrations_.List(request->connection());
    if (!reports.ok()) return rpc::ToGrpc(reports.status());
    for (const core::Report& report : *reports) *response->add_migrations() = rpc::ToProto(report);
    return grpc::Status::OK;
  }

  grpc::Status Watch(grpc::ServerContext* context, const v1::GetRequest* request,
                     grpc::ServerWriter<v1::Migration>* writer) override {
    std::string told;  // serialized
    const auto tell = [&](const core::Report& report) {
      if (context->IsCancelled()) return false;
      const v1::Migration migration = rpc::ToProto(report);
      std::string bytes = migration.SerializeAsString();
      if (bytes == told) return true;
      told = std::move(bytes);
      return writer->Write(migration);
    };
    return rpc::ToGrpc(migrations_.Watch(request->migration_id(), request->connection(), tell));
  }

  grpc::Status Cancel(grpc::ServerContext*, const v1::CancelRequest* request, v1::Migration* response) override {
    return Answer(migrations_.Cancel(request->migration_id(), request->connection(), request->drop()), response);
  }

  grpc::Status Replay(grpc::ServerContext*, const v1::ReplayRequest* request, v1::ReplayResponse* response) override {
    const absl::StatusOr<core::ReplayOutcome> outcome =
        migrations_.Replay(request->migration_id(), request->connection(), rpc::FromProto(*request));
    if (!outcome.ok()) return rpc::ToGrpc(outcome.status());
    *response = rpc::ToProto(*outcome);
    return grpc::Status::OK;
  }

 private:
  Migrations& migrations_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMigrationService(Migrations& migrations) {
  return std::make_unique<MigrationService>(migrations);
}

}  // namespace vecferry::coordinator
