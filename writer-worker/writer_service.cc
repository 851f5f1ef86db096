#include "writer-worker/writer_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/writer.grpc.pb.h"
#include "writer-worker/ingest_reactor.h"
#include "writer-worker/plan_cache.h"
#include "writer-worker/shard_stream.h"

namespace vecferry::writer {
namespace {

// A call that is answered with an error at once.
class RefusedCall : public grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse> {
 public:
  explicit RefusedCall(const absl::Status& status) { Finish(rpc::ToGrpc(status)); }

 private:
  void OnDone() override { delete this; }
};

// One stream with its thread.
struct RunningStream {
  std::shared_ptr<IngestReactor> calls;
  std::unique_ptr<ShardStream> stream;  // empty once its session has ended: it counts no more
  std::thread thread;
  bool ended = false;  // the thread's last mark: it may be joined
};

class WriterServiceImpl : public WriterService,
                          private v1::WriterService::WithCallbackMethod_Ingest<v1::WriterService::Service> {
 public:
  WriterServiceImpl(const WriterOptions& options, postgres::ConnectionResolver resolver)
      : options_(options), resolver_(std::move(resolver)) {}

  ~WriterServiceImpl() override {
    Drain(absl::InfinitePast());
    {
      base::MutexLock lock(&mutex_);
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return std::all_of(streams_.begin(), streams_.end(), [](const RunningStream& one) { return one.ended; });
      });
    }
    JoinEnded();
  }

  grpc::Service* service() override { return this; }

  void Drain(absl::Time deadline) override {
    {
      base::MutexLock lock(&mutex_);
      draining_ = true;
      for (RunningStream& running : streams_) running.calls->Drain();
      if (AwaitSessionsEnded(deadline)) return;
    }
    for (const postgres::Connection::Canceller& canceller : Cancellers()) canceller.Cancel();
    base::MutexLock lock(&mutex_);
    AwaitSessionsEnded(absl::InfiniteFuture());
  }

 private:
  grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* Ingest(grpc::CallbackServerContext*) override {
    JoinEnded();
    base::MutexLock lock(&mutex_);
    if (const absl::Status admitted = Admit(); !admitted.ok()) return new RefusedCall(admitted);
    RunningStream& running = streams_.emplace_back();
    running.calls = IngestReactor::Make(options_.queue_bytes_max);
    running.stream = std::make_unique<ShardStream>(options_, resolver_, plans_, *running.calls);
    running.thread = std::thread([this, &running] { RunStream(running); });
    return running.calls.get();
  }

  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest* request,
                             v1::Checkpoint* response) override {
    return rpc::ToGrpc(ReadCheckpoint(*request, response));
  }

  absl::Status ReadCheckpoint(const v1::GetCheckpointRequest& request, v1::Checkpoint* response) {
    postgres::ConnectionOptions connect;
    ASSIGN_OR_RETURN(connect.conninfo, resolver_(request.connection()));
    ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(connect));
    ASSIGN_OR_RETURN(const std::vector<postgres::ShardRow> shards,
                     postgres::LoadShards(session, request.migration_id()));
    for (const postgres::ShardRow& shard : shards) {
      if (shard.id != static_cast<int>(request.shard())) continue;
      response->set_next_sequence(shard.checkpoint.next_sequence);
      if (shard.checkpoint.last_key) response->set_last_key(*shard.checkpoint.last_key);
      response->set_done(shard.checkpoint.done);
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat("no shard ", request.shard(), " in migration ", request.migration_id()));
  }

  absl::Status Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (draining_) return absl::UnavailableError("the writer is shutting down");
    int open = 0;
    for (const RunningStream& running : streams_) open += running.stream == nullptr ? 0 : 1;
    if (open < options_.streams_max) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("the writer already serves ", open, " streams of ", options_.streams_max, " (streams_max)"));
  }

  void RunStream(RunningStream& running) {
    const absl::Status status = running.stream->Run();
    EndSession(running);
    // Only now: a reader that hears of the end may open the next stream at once.
    running.calls->End(status);
    base::MutexLock lock(&mutex_);
    running.ended = true;
  }

  void EndSession(RunningStream& running) {
    std::unique_ptr<ShardStream> over;  // destroyed after the lock is released
    base::MutexLock lock(&mutex_);
    over = std::move(running.stream);
  }

  std::vector<postgres::Connection::Canceller> Cancellers() {
    base::MutexLock lock(&mutex_);
    std::vector<postgres::Connection::Canceller> cancellers;
    for (RunningStream& running : streams_) {
      if (running.stream != nullptr) cancellers.push_back(running.stream->canceller());
    }
    return cancellers;
  }

  // Not until the calls have ended: a reader may be slow to take the last answer.
  bool AwaitSessionsEnded(absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return mutex_.AwaitUntil(deadline, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::all_of(streams_.begin(), streams_.end(), [](const RunningStream& one) { return one.stream == nullptr; });
    });
  }

  void JoinEnded() {
    std::list<RunningStream> ended;
    {
      base::MutexLock lock(&mutex_);
      for (auto at = streams_.begin(); at != streams_.end();) {
        const auto next = std::next(at);
        if (at->ended) ended.splice(ended.end(), streams_, at);
        at = next;
      }
    }
    for (RunningStream& running : ended) running.thread.join();
  }

  const WriterOptions options_;
  const postgres::ConnectionResolver resolver_;
  PlanCache plans_;
  base::Mutex mutex_;
  std::list<RunningStream> streams_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<WriterService> MakeWriterService(const WriterOptions& options,
                                                 postgres::ConnectionResolver resolver) {
  return std::make_unique<WriterServiceImpl>(options, std::move(resolver));
}

}  // namespace vecferry::writer
