#include "writer-worker/shard_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::writer {
namespace {

// What a reader may ask for: as much as a whole migration tells.
constexpr std::uint32_t kSpansMax = 10'000;

absl::StatusOr<const core::Mapping*> FindMapping(const core::Plan& plan, int shard) {
  for (const core::Shard& candidate : plan.shards) {
    if (candidate.id != shard) continue;
    if (candidate.mapping < 0 || static_cast<std::size_t>(candidate.mapping) >= plan.mappings.size()) break;
    return &plan.mappings[candidate.mapping];
  }
  return absl::NotFoundError(absl::StrCat("the plan has no shard ", shard));
}

}  // namespace

absl::StatusOr<v1::OpenShard> ShardStream::ReceiveOpen() {
  ASSIGN_OR_RETURN(v1::IngestRequest request, call_.Next(absl::Now() + options_.lease_time));
  if (!request.has_open()) return absl::InvalidArgumentError("the first request must open a shard");
  return std::move(*request.mutable_open());
}

absl::Status ShardStream::Run(const v1::OpenShard& open) {
  RETURN_IF_ERROR(Open(open));
  std::optional<absl::Status> last_status;
  while (!last_status) {
    RETURN_IF_ERROR(CollectGroup(&last_status));
    if (last_status && absl::IsCancelled(*last_status)) break;  // nobody waits for the answer
    if (!group_->empty()) RETURN_IF_ERROR(CommitGroup());
  }
  return *last_status;
}

void ShardStream::EndSession() {
  group_.reset();
  session_.reset();
}

absl::Status ShardStream::Connect(const v1::OpenShard& open) {
  postgres::ConnectionOptions connect;
  ASSIGN_OR_RETURN(connect.conninfo, resolver_(open.connection()));
  // By this name a later lease finds and ends this session (protocol section 4).
  connect.application_name = absl::StrCat("vecferry/", open.migration_id(), "/", open.shard(), "/", open.lease_epoch());
  connect.idle_in_transaction_timeout = options_.lease_time;
  ASSIGN_OR_RETURN(session_, postgres::Connection::Open(connect));
  base::MutexLock lock(&mutex_);
  canceller_ = session_->canceller();
  return absl::OkStatus();
}

absl::Status ShardStream::Open(const v1::OpenShard& open) {
  RETURN_IF_ERROR(Connect(open));
  // Read for each shard: a resume by which the source has changed renews the stored plan.
  ASSIGN_OR_RETURN(const postgres::MigrationRow migration, postgres::GetMigration(*session_, open.migration_id()));
  ASSIGN_OR_RETURN(plan_, rpc::ParsePlan(migration.plan));
  const int shard = static_cast<int>(open.shard());
  ASSIGN_OR_RETURN(const core::Mapping* mapping, FindMapping(plan_, shard));
  StreamTarget target;
  target.migration_id = open.migration_id();
  target.shard = shard;
  target.lease_epoch = open.lease_epoch();
  target.schema = plan_.identity.destination_schema;
  ASSIGN_OR_RETURN(target.on_conflict, load::ParseOnConflict(plan_.identity.on_conflict));
  target.spans_max = static_cast<int>(std::min(open.spans_max(), kSpansMax));
  ASSIGN_OR_RETURN(target.rejects_max, postgres::LoadRejectsMax(*session_, target.migration_id));
  // Comparisons in a merge need the operators of vector types. Compiling a merge takes longer than running it.
  RETURN_IF_ERROR(
      session_->ExecuteScript(absl::StrCat("SET jit TO off; SET search_path TO ", core::QuoteIdentifier(target.schema),
                                           ", ", core::QuoteIdentifier(plan_.extension_schema))));
  ASSIGN_OR_RETURN(const postgres::OpenedStream opened,
                   postgres::OpenStream(*session_, target.migration_id, shard, target.lease_epoch));
  target.stream_epoch = opened.stream_epoch;
  group_.emplace(*session_, std::move(target), *mapping, opened.checkpoint);
  RETURN_IF_ERROR(group_->Prepare());
  Answer(opened.checkpoint);
  return absl::OkStatus();
}

absl::Status ShardStream::CollectGroup(std::optional<absl::Status>* last_status) {
  absl::Time deadline = absl::InfiniteFuture();  // an empty group waits for its first batch
  while (group_->bytes() < options_.commit_group_bytes && !group_->wants_commit()) {
    absl::StatusOr<v1::IngestRequest> request = call_.Next(deadline);
    if (absl::IsDeadlineExceeded(request.status())) return absl::OkStatus();
    if (!request.ok()) {
      *last_status = absl::IsOutOfRange(request.status()) ? absl::OkStatus() : request.status();
      return absl::OkStatus();
    }
    if (!request->has_frame()) return absl::InvalidArgumentError("a stream carries one shard: a second open came");
    ASSIGN_OR_RETURN(std::optional<rpc::Batch> batch, frames_.Take(std::move(*request->mutable_frame())));
    if (!batch) continue;
    if (group_->empty()) deadline = absl::Now() + options_.commit_group_time;
    if (!copy_begin_ && !batch->tuples.empty()) copy_begin_ = absl::Now();
    RETURN_IF_ERROR(group_->Add(*std::move(batch)));
    copy_end_ = absl::Now();
  }
  return absl::OkStatus();
}

absl::Status ShardStream::CommitGroup() {
  const core::Checkpoint before = group_->committed();
  const std::size_t bytes = group_->bytes();
  const absl::Time begin = absl::Now();
  ASSIGN_OR_RETURN(const core::Checkpoint committed, group_->Commit());
  metrics_.commit_seconds.Observe(absl::Now() - begin);
  if (copy_begin_) metrics_.copy_seconds.Observe(copy_end_ - *copy_begin_);
  copy_begin_.reset();
  metrics_.batches.Add(static_cast<double>(committed.next_sequence - before.next_sequence));
  metrics_.rows.Add(static_cast<double>(committed.source_count - before.source_count));
  metrics_.bytes.Add(static_cast<double>(bytes));
  metrics_.rejected.Add(static_cast<double>(committed.counters.rejected - before.counters.rejected));
  Answer(committed);
  return absl::OkStatus();
}

void ShardStream::Answer(const core::Checkpoint& checkpoint) {
  v1::IngestResponse response;
  response.mutable_checkpoint()->set_next_sequence(checkpoint.next_sequence);
  if (checkpoint.last_key) response.mutable_checkpoint()->set_last_key(*checkpoint.last_key);
  response.mutable_checkpoint()->set_done(checkpoint.done);
  call_.Send(response);
}

postgres::Connection::Canceller ShardStream::canceller() {
  base::MutexLock lock(&mutex_);
  return canceller_;
}

}  // namespace vecferry::writer
