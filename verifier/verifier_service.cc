#include "verifier/verifier_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

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
#include "verifier/verification.h"
#include "verifier/verifier_metrics.h"

namespace vecferry::verifier {
namespace {

constexpr absl::Duration kCancelAgain = absl::Milliseconds(100);
// More sessions than this read no faster: the one source is their limit.
constexpr std::uint32_t kSessionsMax = 8;
constexpr int kRecallQueriesMax = 10'000;
constexpr std::uint32_t kEmbedderTextsMax = 10'000;

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

// Sends what is found to the caller, and tells checks as spans and numbers. Not thread-safe.
class StreamedFindings final : public core::Findings {
 public:
  StreamedFindings(grpc::ServerWriter<v1::VerifyResponse>& writer, std::function<bool()> gone, VerifierMetrics& metrics)
      : writer_(writer), gone_(std::move(gone)), metrics_(metrics) {}

  absl::Status Tell(const core::CheckReport& check) override {
    base::FaultPoint("verifier.in_checks");
    spans_.Tell(check);
    v1::VerifyResponse response;
    *response.mutable_check() = rpc::ToProto(check);
    RETURN_IF_ERROR(Send(response));
    metrics_.CountCheck(check.verdict);
    return absl::OkStatus();
  }

  absl::Status Tell(const core::DifferenceReport& difference) override {
    if (named_ == core::kDifferencesMax) {
      ++more_;
      return absl::OkStatus();
    }
    ++named_;
    v1::VerifyResponse response;
    *response.mutable_difference() = rpc::ToProto(difference);
    return Send(response);
  }

  void CountMoreDifferences(std::int64_t differences) override { more_ += differences; }

  absl::Status Tell(const core::RecallReport& recall) override {
    v1::VerifyResponse response;
    *response.mutable_recall() = rpc::ToProto(recall);
    return Send(response);
  }

  absl::Status Tell(const core::TableSize& size) override {
    v1::VerifyResponse response;
    *response.mutable_size() = rpc::ToProto(size);
    return Send(response);
  }

  absl::Status TellStep(absl::string_view step) override {
    v1::VerifyResponse response;
    response.set_step(std::string(step));
    return Send(response);
  }

  // Tells how many differences were only counted.
  absl::Status Finish() {
    if (more_ == 0) return absl::OkStatus();
    v1::VerifyResponse response;
    response.set_differences_more(static_cast<std::uint64_t>(more_));
    return Send(response);
  }

 private:
  absl::Status Send(const v1::VerifyResponse& response) {
    return gone_() || !writer_.Write(response) ? absl::CancelledError("stopped") : absl::OkStatus();
  }

  grpc::ServerWriter<v1::VerifyResponse>& writer_;
  const std::function<bool()> gone_;
  VerifierMetrics& metrics_;
  CheckSpans spans_;
  int named_ = 0;
  std::int64_t more_ = 0;
};

core::VerifyOptions ReadOptions(const v1::VerifyRequest& request) {
  core::VerifyOptions options;
  options.level = request.level();
  options.indexes_wanted = !request.no_indexes();
  options.sessions_max = static_cast<int>(std::clamp<std::uint32_t>(request.sessions_max(), 1, kSessionsMax));
  options.recall_queries = std::min<int>(request.recall().queries(), kRecallQueriesMax);
  options.recall_index_min = request.recall().index_min();
  for (const v1::QueryVector& query : request.recall().own_queries()) {
    options.queries.emplace_back(query.components().begin(), query.components().end());
  }
  options.recall_slices.assign(request.recall().slices().begin(), request.recall().slices().end());
  options.embedder_url = request.embedder().url();
  options.embedder_model = request.embedder().model();
  options.embedder_prefix = request.embedder().prefix();
  options.embedder_texts = static_cast<int>(std::min<std::uint32_t>(request.embedder().texts(), kEmbedderTextsMax));
  options.embedder_cosine_min = request.embedder().cosine_min();
  return options;
}

absl::Status CheckLevel(const std::string& level) {
  if (level == core::kVerifyCounts || level == core::kVerifySample || level == core::kVerifyFull) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("verify level \"", level, "\" is not known; there are: counts, sample, full"));
}

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
      for (const postgres::Connection::Canceller& canceller : call.cancellers) canceller.Cancel();
    }
  }

  void Drain(absl::Time deadline) override {
    {
      base::MutexLock lock(&mutex_);
      draining_ = true;
      if (AwaitNoCall(deadline)) return;
    }
    while (true) {
      Stop();
      base::MutexLock lock(&mutex_);
      // Again, until all are gone: a cancel that came between two statements hit none.
      if (AwaitNoCall(absl::Now() + kCancelAgain)) return;
    }
  }

  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      grpc::ServerWriter<v1::VerifyResponse>* writer) override {
    const auto gone = [&] { return stopped() || context->IsCancelled(); };
    return rpc::Handle(*context, {rpc::Role::kCoordinator, rpc::Role::kClient}, rpc::kVerify, [&] {
      StreamedFindings findings(*writer, gone, metrics_);
      return Run(*request, gone, findings);
    });
  }

 private:
  // What Stop() ends.
  struct Call {
    std::shared_ptr<sqlite::SnapshotConnection> source;
    std::vector<postgres::Connection::Canceller> cancellers;
  };

  absl::Status Run(const v1::VerifyRequest& request, const std::function<bool()>& gone, StreamedFindings& findings) {
    RETURN_IF_ERROR(Begin());
    const absl::Cleanup end = [this, begin = absl::Now()] {
      metrics_.seconds.Observe(absl::Now() - begin);
      base::MutexLock lock(&mutex_);
      --running_;
    };
    const core::VerifyOptions options = ReadOptions(request);
    RETURN_IF_ERROR(CheckLevel(options.level));
    ASSIGN_OR_RETURN(const std::shared_ptr<sqlite::SnapshotConnection> source, open_source_(request.snapshot(), gone));
    ASSIGN_OR_RETURN(std::vector<postgres::Connection> sessions, OpenSessions(request, options));
    Call call{source, {}};
    for (const postgres::Connection& session : sessions) call.cancellers.push_back(session.canceller());
    const absl::StatusOr<std::list<Call>::iterator> place = Enter(std::move(call));
    RETURN_IF_ERROR(place.status());
    const absl::Cleanup leave = [&] {
      base::MutexLock lock(&mutex_);
      calls_.erase(*place);
    };
    ASSIGN_OR_RETURN(const core::Plan plan, LoadPlan(request, sessions[0]));
    RETURN_IF_ERROR(verifier::Verify({*source, sessions, plan, request.migration_id(), options, gone}, findings));
    return findings.Finish();
  }

  absl::StatusOr<std::vector<postgres::Connection>> OpenSessions(const v1::VerifyRequest& request,
                                                                 const core::VerifyOptions& options) {
    postgres::ConnectionOptions wanted;
    ASSIGN_OR_RETURN(wanted.conninfo, resolver_(request.connection()));
    // Sessions of a migration carry its name, so that whoever ends it can end them too.
    wanted.application_name = absl::StrCat("vecferry/", request.migration_id(), "/verify");
    std::vector<postgres::Connection> sessions;
    const int count = options.level == core::kVerifyFull ? options.sessions_max : 1;
    for (int i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(wanted));
      sessions.push_back(std::move(session));
    }
    return sessions;
  }

  static absl::StatusOr<core::Plan> LoadPlan(const v1::VerifyRequest& request, postgres::Connection& session) {
    if (request.migration_id().empty()) return rpc::ParsePlan(request.plan());
    ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, request.migration_id()));
    return rpc::ParsePlan(row.plan);
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
