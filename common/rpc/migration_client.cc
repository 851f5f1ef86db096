#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::rpc {
namespace {

constexpr auto kCallTimeMax = std::chrono::seconds(60);
// Drawing a plan reads every value whose declared type needs a check: hours for terabytes.
constexpr auto kPlanTimeMax = std::chrono::hours(12);
constexpr auto kReplayTimeMax = std::chrono::hours(12);  // as many rows as --max-rejects let through
// A watch that is older is opened again: no call is without a deadline, and a migration may take days.
constexpr auto kWatchTimeMax = std::chrono::hours(1);

v1::StartRequest MakeRequest(const StartOptions& options) {
  v1::StartRequest proto;
  *proto.mutable_identity() = ToProto(options.identity);
  proto.set_connection(options.connection);
  proto.set_connections_max(options.connections_max);
  proto.set_readers(options.readers);
  proto.set_writers(options.writers);
  proto.set_batch_rows_max(options.batch_rows_max);
  proto.set_rejects_max(options.rejects_max);
  proto.set_no_indexes(options.no_indexes);
  proto.set_no_verify(options.no_verify);
  proto.set_verify_level(options.verify_level);
  proto.set_on_source_change(options.on_source_change);
  proto.set_to_compare(options.to_compare);
  return proto;
}

class GrpcMigrationClient : public MigrationClient {
 public:
  explicit GrpcMigrationClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::StatusOr<DrawnPlan> Plan(const StartOptions& options) override {
    v1::PlanResponse response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Plan, kPlanTimeMax, MakeRequest(options), response));
    DrawnPlan drawn;
    ASSIGN_OR_RETURN(drawn.plan, FromProto(response.plan()));
    drawn.resumes_migration_id = response.resumes_migration_id();
    return drawn;
  }

  absl::StatusOr<Started> Start(const StartOptions& options) override {
    v1::StartResponse response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Start, kPlanTimeMax, MakeRequest(options), response));
    return Started{response.migration_id(), response.resumed()};
  }

  absl::StatusOr<core::Report> Get(const std::string& id, const std::string& connection) override {
    v1::Migration response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Get, kCallTimeMax, Request(id, connection), response));
    return FromProto(response);
  }

  absl::StatusOr<std::vector<core::Report>> List(const std::string& connection) override {
    v1::ListRequest request;
    request.set_connection(connection);
    v1::ListResponse response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::List, kCallTimeMax, request, response));
    std::vector<core::Report> reports;
    for (const v1::Migration& migration : response.migrations()) {
      ASSIGN_OR_RETURN(core::Report report, FromProto(migration));
      reports.push_back(std::move(report));
    }
    return reports;
  }

  absl::StatusOr<core::Report> Watch(const std::string& id, const std::string& connection,
                                     const std::function<bool(const core::Report&)>& on_change) override {
    while (true) {
      absl::StatusOr<core::Report> report = WatchOnce(id, connection, on_change);
      if (!absl::IsDeadlineExceeded(report.status())) return report;
    }
  }

  absl::StatusOr<core::Report> Pause(const std::string& id, const std::string& connection) override {
    v1::Migration response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Pause, kCallTimeMax, Request(id, connection), response));
    return FromProto(response);
  }

  absl::StatusOr<Started> Resume(const std::string& id, const std::string& connection) override {
    v1::StartResponse response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Resume, kPlanTimeMax, Request(id, connection), response));
    return Started{response.migration_id(), response.resumed()};
  }

  absl::StatusOr<core::Report> Cancel(const std::string& id, const std::string& connection, bool drop) override {
    v1::CancelRequest request;
    request.set_migration_id(id);
    request.set_connection(connection);
    request.set_drop(drop);
    v1::Migration response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Cancel, kCallTimeMax, request, response));
    return FromProto(response);
  }

  absl::StatusOr<core::ReplayOutcome> Replay(const std::string& id, const std::string& connection,
                                             const core::ReplaySelection& selection) override {
    v1::ReplayRequest request = ToProto(selection);
    request.set_migration_id(id);
    request.set_connection(connection);
    v1::ReplayResponse response;
    RETURN_IF_ERROR(Call(&v1::MigrationService::Stub::Replay, kReplayTimeMax, request, response));
    return FromProto(response);
  }

  absl::Status RecordPage(const std::string& id, const std::string& connection, const std::string& sha256) override {
    v1::RecordPageRequest request;
    request.set_migration_id(id);
    request.set_connection(connection);
    request.set_sha256(sha256);
    v1::RecordPageResponse response;
    return Call(&v1::MigrationService::Stub::RecordPage, kCallTimeMax, request, response);
  }

 private:
  static v1::GetRequest Request(const std::string& id, const std::string& connection) {
    v1::GetRequest request;
    request.set_migration_id(id);
    request.set_connection(connection);
    return request;
  }

  absl::StatusOr<core::Report> WatchOnce(const std::string& id, const std::string& connection,
                                         const std::function<bool(const core::Report&)>& on_change) {
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(std::chrono::system_clock::now() + kWatchTimeMax);
    const auto stream = stub_.Watch(&context, Request(id, connection));
    absl::StatusOr<core::Report> last = absl::NotFoundError(absl::StrCat("no state of migration ", id, " was told"));
    bool go_on = true;
    v1::Migration migration;
    while (go_on && stream->Read(&migration)) {
      last = FromProto(migration);
      go_on = last.ok() && on_change(*last);
    }
    if (!go_on) context.TryCancel();
    while (stream->Read(&migration)) {
    }
    const absl::Status status = FromGrpc(stream->Finish());
    if (!last.ok() && !go_on) return last;
    if (!go_on) return absl::CancelledError("the watch was ended from here");
    RETURN_IF_ERROR(status);
    return last;
  }

  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::MigrationService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    std::chrono::seconds time_max, const Request& request, Response& response) {
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(std::chrono::system_clock::now() + time_max);
    return FromGrpc((stub_.*method)(&context, request, &response));
  }

  v1::MigrationService::Stub stub_;
};

}  // namespace

std::unique_ptr<MigrationClient> MakeMigrationClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcMigrationClient>(std::move(channel));
}

}  // namespace vecferry::rpc
