#include "writer-worker/writer_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/admission.h"
#include "common/rpc/call_span.h"
#include "vecferry/v1/writer.grpc.pb.h"
#include "writer-worker/ingest_call.h"
#include "writer-worker/queue_budget.h"
#include "writer-worker/shard_stream.h"
#include "writer-worker/writer_metrics.h"

namespace vecferry::writer {
namespace {

constexpr absl::Duration kCancelAgain = absl::Milliseconds(100);
// A cancelled statement ends within milliseconds; a server that does not even take the cancelling is away.
constexpr absl::Duration kEarlierEndsMax = absl::Seconds(10);

// A stream that this writer or the server has no room for may be tried again. What Postgres said within one, of a full
// disk or of its memory, waits for somebody to mend it.
absl::Status ForReader(const absl::Status& status) {
  const bool full = absl::IsResourceExhausted(status) && postgres::GetSqlError(status).has_value();
  return full ? absl::InternalError(status.message()) : status;
}

class WriterServiceImpl : public WriterService, private v1::WriterService::Service {
 public:
  WriterServiceImpl(const WriterOptions& options, postgres::ConnectionResolver resolver)
      : options_(options),
        resolver_(std::move(resolver)),
        metrics_(*options_.registry),
        budget_(options_.all_queues_bytes_max, metrics_.queue_bytes) {}

  grpc::Service* service() override { return this; }

  void Drain(absl::Time deadline) override {
    {
      base::MutexLock lock(&mutex_);
      draining_ = true;
      for (const Open& open : open_) open.call->Drain();
      if (AwaitNoneOpen(deadline)) return;
    }
    while (true) {
      for (const postgres::Connection::Canceller& canceller : CancelCalls()) canceller.Cancel();
      base::MutexLock lock(&mutex_);
      // Again, until all are gone: a cancel that came between two statements hit none.
      if (AwaitNoneOpen(absl::Now() + kCancelAgain)) return;
    }
  }

 private:
  // A call with its stream; owned by the call's thread.
  struct Open {
    IngestCall* call;
    ShardStream* stream;
    std::string shard;  // migration and number; "" until it has a place among the streams
    std::uint64_t lease_epoch = 0;
  };

  grpc::Status Ingest(grpc::ServerContext* context, IngestCall::Stream* stream) override {
    return rpc::Handle(*context, {rpc::Role::kReader}, rpc::kIngest, [&] {
      IngestCall call(*context, *stream, options_.queue_bytes_max, budget_);
      const absl::Status status = Carry(call);
      // Only after the session: a reader that hears of the end may open the next stream at once.
      call.Close();
      return ForReader(status);
    });
  }

  absl::Status Carry(IngestCall& call) {
    ShardStream stream(options_, resolver_, metrics_, call);
    std::list<Open>::iterator place;
    {
      base::MutexLock lock(&mutex_);
      RETURN_IF_ERROR(Admit());
      place = open_.insert(open_.end(), {&call, &stream});
    }
    absl::Status status = CarryShard(*place);
    stream.EndSession();
    base::MutexLock lock(&mutex_);
    open_.erase(place);
    metrics_.streams.Set(CountStreams());
    return status;
  }

  absl::Status CarryShard(Open& open) {
    ASSIGN_OR_RETURN(const v1::OpenShard target, open.stream->ReceiveOpen());
    RETURN_IF_ERROR(TakePlace(target, open));
    return open.stream->Run(target);
  }

  // Calls that have not said their shard yet are bounded, too.
  absl::Status Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (draining_) return absl::UnavailableError("the writer is shutting down");
    const int opening = static_cast<int>(open_.size()) - CountStreams();
    if (opening < options_.streams_max) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("the writer has ", opening, " streams that are opening, of ",
                                                     options_.streams_max, " (streams_max)"));
  }

  // An earlier stream of the shard is stale, such as one whose reader went without a word: it is ended first, and holds
  // neither a place nor a connection.
  absl::Status TakePlace(const v1::OpenShard& target, Open& open) {
    const std::string shard = absl::StrCat(target.migration_id(), "/", target.shard());
    const absl::Time give_up = absl::Now() + kEarlierEndsMax;
    while (true) {
      postgres::Connection::Canceller statement;
      {
        base::MutexLock lock(&mutex_);
        const auto earlier = Find(shard);
        if (draining_) return absl::UnavailableError("the writer is shutting down");
        if (earlier == open_.end()) return Place(shard, target.lease_epoch(), open);
        if (earlier->lease_epoch > target.lease_epoch()) {
          return absl::AbortedError(absl::StrCat("shard ", target.shard(), " is streamed under lease epoch ",
                                                 earlier->lease_epoch, ", after ", target.lease_epoch()));
        }
        earlier->call->Cancel();
        statement = earlier->stream->canceller();
      }
      statement.Cancel();
      base::MutexLock lock(&mutex_);
      mutex_.AwaitUntil(absl::Now() + kCancelAgain,
                        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return Find(shard) == open_.end(); });
      if (absl::Now() < give_up) continue;
      return absl::UnavailableError(absl::StrCat("an earlier stream of shard ", target.shard(), " does not end"));
    }
  }

  std::list<Open>::iterator Find(const std::string& shard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return open.shard == shard; });
  }

  absl::Status Place(const std::string& shard, std::uint64_t lease_epoch, Open& open)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (const int streams = CountStreams(); streams >= options_.streams_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the writer already serves ", streams, " streams of ", options_.streams_max, " (streams_max)"));
    }
    open.shard = shard;
    open.lease_epoch = lease_epoch;
    metrics_.streams.Set(CountStreams());
    return absl::OkStatus();
  }

  int CountStreams() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return static_cast<int>(
        std::count_if(open_.begin(), open_.end(), [](const Open& open) { return !open.shard.empty(); }));
  }

  bool AwaitNoneOpen(absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return mutex_.AwaitUntil(deadline, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_.empty(); });
  }

  // Cancels the open calls, and returns what cancels their statements: that is I/O, not for under the lock.
  std::vector<postgres::Connection::Canceller> CancelCalls() {
    base::MutexLock lock(&mutex_);
    std::vector<postgres::Connection::Canceller> statements;
    for (const Open& open : open_) {
      open.call->Cancel();
      statements.push_back(open.stream->canceller());
    }
    return statements;
  }

  grpc::Status GetCheckpoint(grpc::ServerContext* context, const v1::GetCheckpointRequest* request,
                             v1::Checkpoint* response) override {
    return rpc::Handle(*context, {rpc::Role::kReader, rpc::Role::kCoordinator},
                       [&] { return ReadCheckpoint(*request, response); });
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

  const WriterOptions options_;
  const postgres::ConnectionResolver resolver_;
  WriterMetrics metrics_;
  QueueBudget budget_;
  base::Mutex mutex_;
  std::list<Open> open_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<WriterService> MakeWriterService(const WriterOptions& options, postgres::ConnectionResolver resolver) {
  return std::make_unique<WriterServiceImpl>(options, std::move(resolver));
}

}  // namespace vecferry::writer
