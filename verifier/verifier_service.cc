#include "verifier/verifier_service.h"

#include <grpcpp/grpcpp.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/admission.h"
#include "common/rpc/plan_codec.h"
#include "vecferry/v1/verifier.grpc.pb.h"
#include "verifier/counts.h"

namespace vecferry::verifier {
namespace {

class VerifierServiceImpl final : public VerifierService, public v1::VerifierService::Service {
 public:
  VerifierServiceImpl(sqlite::SnapshotConnection& source, postgres::ConnectionResolver resolver)
      : source_(source), resolver_(std::move(resolver)) {}

  grpc::Service* service() override { return this; }

  void Stop() override {
    std::optional<postgres::Connection::Canceller> canceller;
    {
      base::MutexLock lock(&mutex_);
      stopped_ = true;
      canceller = canceller_;
    }
    source_.Interrupt();
    if (canceller) canceller->Cancel();
  }

  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      grpc::ServerWriter<v1::VerifyResponse>* writer) override {
    const auto tell = [&](const core::CheckReport& check) -> absl::Status {
      v1::VerifyResponse response;
      *response.mutable_check() = rpc::ToProto(check);
      if (stopped() || context->IsCancelled() || !writer->Write(response)) return absl::CancelledError("stopped");
      return absl::OkStatus();
    };
    return rpc::Handle(*context, {rpc::Role::kCoordinator, rpc::Role::kClient}, [&] {
      TakeSource();
      const absl::Status verified = Run(request->migration_id(), request->connection(), request->level(), tell);
      GiveSourceBack();
      return verified;
    });
  }

 private:
  absl::Status Run(const std::string& migration_id, const std::string& connection, const std::string& level,
                   const CheckSink& on_check) {
    if (stopped()) return absl::CancelledError("the verifier is stopping");
    if (level != "counts") {
      return absl::InvalidArgumentError(absl::StrCat("verify level \"", level, "\" is not known; there is: counts"));
    }
    postgres::ConnectionOptions options;
    ASSIGN_OR_RETURN(options.conninfo, resolver_(connection));
    // Sessions of a migration carry its name, so that whoever ends it can end them too.
    options.application_name = absl::StrCat("vecferry/", migration_id, "/verify");
    ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(options));
    {
      base::MutexLock lock(&mutex_);
      canceller_ = session.canceller();
    }
    ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, migration_id));
    ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
    return CheckCounts(source_, session, row.id, plan, on_check);
  }

  bool stopped() {
    base::MutexLock lock(&mutex_);
    return stopped_;
  }

  void TakeSource() {
    base::MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; });
    busy_ = true;
  }

  void GiveSourceBack() {
    base::MutexLock lock(&mutex_);
    busy_ = false;
    canceller_.reset();
  }

  sqlite::SnapshotConnection& source_;
  const postgres::ConnectionResolver resolver_;
  base::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<postgres::Connection::Canceller> canceller_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<VerifierService> MakeVerifierService(sqlite::SnapshotConnection& source,
                                                     postgres::ConnectionResolver resolver) {
  return std::make_unique<VerifierServiceImpl>(source, std::move(resolver));
}

}  // namespace vecferry::verifier
