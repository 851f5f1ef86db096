#include "verifier/verifier_service.h"

#include <grpcpp/grpcpp.h>

#include <list>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/admission.h"
#include "common/rpc/call_span.h"
#include "common/rpc/plan_codec.h"
#include "vecferry/v1/verifier.grpc.pb.h"
#include "verifier/counts.h"
#include "verifier/verifier_metrics.h"

namespace vecferry::verifier {
namespace {

constexpr absl::Duration kCancelAgain = absl::Milliseconds(100);

// Tells checks as spans below the current one: each from the end of the one before. A store of very many tables shows
// the first. Not thread-safe.
class CheckSpans {
 public:
  void Tell(const core::CheckReport& check) {
    const absl::Time begin = std::exchange(last_end_, absl::Now());
    if (checks_left_ == 0) return;
    --checks_left_;
    telemetry::Span span = telemetry::Span::StartAt(begin, "check", telemetry::CurrentTraceparent());
    span.Set("vecferry.check", check.name);
    span.Set("vecferry.table", check.table);
    span.Set("vecferry.verdict", check.verdict);
    if (check.verdict != "fail") return;
    span.Fail(absl::DataLossError(absl::StrCat("expected ", check.expected, ", found ", check.actual)));
  }

 private:
  int checks_left_ = rpc::kChecksToldMax;
  absl::Time last_end_ = absl::Now();
};

class VerifierServiceImpl final : public VerifierService, public v1::VerifierService::Service {
 public:
  VerifierServiceImpl(OpenSource open_source, postgres::ConnectionResolver resolver,
                      std::shared_ptr<prometheus::Registry> registry)
      : open_source_(std::move(open_source)),
        resolver_(std::move(resolver)),
        registry_(std::move(registry)),
        metrics_(*registry_) {}

  grpc::Service* service() override { return this; }

  void Stop() override {
    std::list<Call> calls;
    {
      base::MutexLock lock(&mutex_);
      stopped_ = true;
      calls = calls_;
    }
    for (const Call& call : calls) {
      call.source->Interrupt();
      call.canceller.Cancel();
    }
  }

  void Drain(absl::Time deadline) override {
    {
      base::MutexLock lock(&mutex_);
      draining_ = true;
      if (AwaitNoCall(deadline)) return;
    }
    while (true) {
      base::MutexLock lock(&mutex_);
      // Again, until all are gone: a cancel that came between two statements hit none.
      if (AwaitNoCall(absl::Now() + kCancelAgain)) return;
    }
  }

  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      grpc::ServerWriter<v1::VerifyResponse>* writer) override {
    const auto gone = [&] { return stopped() || context->IsCancelled(); };
    const auto tell = [&](const core::CheckReport& check) -> absl::Status {
      base::FaultPoint("verifier.in_checks");
      v1::VerifyResponse response;
      *response.mutable_check() = rpc::ToProto(check);
      if (gone() || !writer->Write(response)) return absl::CancelledError("stopped");
      metrics_.CountCheck(check.verdict);
      return absl::OkStatus();
    };
    return rpc::Handle(*context, {rpc::Role::kCoordinator, rpc::Role::kClient}, rpc::kVerify, [&] {
      CheckSpans spans;
      return Run(*request, gone, [&](const core::CheckReport& check) {
        spans.Tell(check);
        return tell(check);
      });
    });
  }

 private:
  // What Stop() ends.
  struct Call {
    std::shared_ptr<sqlite::SnapshotConnection> source;
    postgres::Connection::Canceller canceller;
  };

  absl::Status Run(const v1::VerifyRequest& request, const std::function<bool()>& gone, const CheckSink& on_check) {
    RETURN_IF_ERROR(Begin());
    const absl::Cleanup end = [this, begin = absl::Now()] {
      metrics_.seconds.Observe(absl::Now() - begin);
      base::MutexLock lock(&mutex_);
      --running_;
    };
    if (request.level() != "counts") {
      return absl::InvalidArgumentError(
          absl::StrCat("verify level \"", request.level(), "\" is not known; there is: counts"));
    }
    postgres::ConnectionOptions options;
    ASSIGN_OR_RETURN(options.conninfo, resolver_(request.connection()));
    // Sessions of a migration carry its name, so that whoever ends it can end them too.
    options.application_name = absl::StrCat("vecferry/", request.migration_id(), "/verify");
    ASSIGN_OR_RETURN(const std::shared_ptr<sqlite::SnapshotConnection> source, open_source_(request.snapshot(), gone));
    ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(options));
    const absl::StatusOr<std::list<Call>::iterator> place = Enter({source, session.canceller()});
    RETURN_IF_ERROR(place.status());
    const absl::Cleanup leave = [&] {
      base::MutexLock lock(&mutex_);
      calls_.erase(*place);
    };
    ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, request.migration_id()));
    ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
    return CheckCounts(*source, session, row.id, plan, on_check);
  }

  absl::Status Begin() {
    base::MutexLock lock(&mutex_);
    if (draining_ || stopped_) return absl::UnavailableError("the verifier is shutting down");
    ++running_;
    return absl::OkStatus();
  }

  bool AwaitNoCall(absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return mutex_.AwaitUntil(deadline, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; });
  }

  absl::StatusOr<std::list<Call>::iterator> Enter(Call call) {
    base::MutexLock lock(&mutex_);
    if (stopped_) return absl::CancelledError("the verifier is stopping");
    return calls_.insert(calls_.end(), std::move(call));
  }

  bool stopped() {
    base::MutexLock lock(&mutex_);
    return stopped_;
  }

  const OpenSource open_source_;
  const postgres::ConnectionResolver resolver_;
  const std::shared_ptr<prometheus::Registry> registry_;
  VerifierMetrics metrics_;
  base::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<VerifierService> MakeVerifierService(OpenSource open_source, postgres::ConnectionResolver resolver,
                                                     std::shared_ptr<prometheus::Registry> registry) {
  return std::make_unique<VerifierServiceImpl>(std::move(open_source), std::move(resolver), std::move(registry));
}

}  // namespace vecferry::verifier
