#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/plan_codec.h"
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
  if (!request.verify_level().empty()) options.verify_level = request.verify_level();
  options.on_source_change = request.on_source_change();
  options.to_compare = request.to_compare();
  return options;
}

absl::Status Answer(const absl::StatusOr<core::Report>& report, v1::Migration* response) {
  RETURN_IF_ERROR(report.status());
  *response = rpc::ToProto(*report);
  return absl::OkStatus();
}

absl::Status Answer(const absl::StatusOr<rpc::Started>& started, v1::StartResponse* response) {
  RETURN_IF_ERROR(started.status());
  response->set_migration_id(started->migration_id);
  response->set_resumed(started->resumed);
  return absl::OkStatus();
}

class MigrationService final : public v1::MigrationService::Service {
 public:
  explicit MigrationService(Migrations& migrations) : migrations_(migrations) {}

  grpc::Status Plan(grpc::ServerContext* context, const v1::StartRequest* request,
                    v1::PlanResponse* response) override {
    return Handle(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const Migrations::Drawn drawn, migrations_.Plan(FromProto(*request)));
      *response->mutable_plan() = rpc::ToProto(drawn.plan);
      response->set_resumes_migration_id(drawn.resumes_migration_id);
      for (const auto& [mapping, rows] : drawn.rows_present) (*response->mutable_rows_present())[mapping] = rows;
      return absl::OkStatus();
    });
  }

  grpc::Status Start(grpc::ServerContext* context, const v1::StartRequest* request,
                     v1::StartResponse* response) override {
    return Handle(context, [&]() -> absl::Status { return Answer(migrations_.Start(FromProto(*request)), response); });
  }

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request, v1::Migration* response) override {
    return Handle(context,
                  [&] { return Answer(migrations_.Get(request->migration_id(), request->connection()), response); });
  }

  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request, v1::ListResponse* response) override {
    return Handle(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<core::Report> reports, migrations_.List(request->connection()));
      for (const core::Report& report : reports) *response->add_migrations() = rpc::ToProto(report);
      return absl::OkStatus();
    });
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
    return Handle(context, [&] { return migrations_.Watch(request->migration_id(), request->connection(), tell); });
  }

  grpc::Status Pause(grpc::ServerContext* context, const v1::GetRequest* request, v1::Migration* response) override {
    return Handle(context,
                  [&] { return Answer(migrations_.Pause(request->migration_id(), request->connection()), response); });
  }

  grpc::Status Resume(grpc::ServerContext* context, const v1::GetRequest* request,
                      v1::StartResponse* response) override {
    return Handle(context,
                  [&] { return Answer(migrations_.Resume(request->migration_id(), request->connection()), response); });
  }

  grpc::Status Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                      v1::Migration* response) override {
    return Handle(context, [&] {
      return Answer(migrations_.Cancel(request->migration_id(), request->connection(), request->drop()), response);
    });
  }

  grpc::Status Replay(grpc::ServerContext* context, const v1::ReplayRequest* request,
                      v1::ReplayResponse* response) override {
    return Handle(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const core::ReplayOutcome outcome,
                       migrations_.Replay(request->migration_id(), request->connection(), rpc::FromProto(*request)));
      *response = rpc::ToProto(outcome);
      return absl::OkStatus();
    });
  }

  grpc::Status RecordPage(grpc::ServerContext* context, const v1::RecordPageRequest* request,
                          v1::RecordPageResponse*) override {
    return Handle(context, [&] {
      return migrations_.RecordPage(request->migration_id(), request->connection(), request->sha256());
    });
  }

 private:
  static grpc::Status Handle(grpc::ServerContext* context, absl::FunctionRef<absl::Status()> call) {
    return rpc::Handle(*context, {rpc::Role::kClient}, call);
  }

  Migrations& migrations_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMigrationService(Migrations& migrations) {
  return std::make_unique<MigrationService>(migrations);
}

}  // namespace vecferry::coordinator
