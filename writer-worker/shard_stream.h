#ifndef VECFERRY_WRITER_WORKER_SHARD_STREAM_H_
#define VECFERRY_WRITER_WORKER_SHARD_STREAM_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "writer-worker/group_writer.h"
#include "writer-worker/ingest_call.h"
#include "writer-worker/received_batch.h"
#include "writer-worker/writer_metrics.h"
#include "writer-worker/writer_service.h"

namespace vecferry::writer {

// Carries one shard from one Ingest call to Postgres: opens, takes frames, commits groups, answers. All is one
// thread's; canceller() may come from any other. Everything that it is made with must outlive it.
class ShardStream {
 public:
  ShardStream(const WriterOptions& options, const postgres::ConnectionResolver& resolver, WriterMetrics& metrics,
              IngestCall& call)
      : options_(options), resolver_(resolver), metrics_(metrics), call_(call) {}

  // The first request: what to carry.
  absl::StatusOr<v1::OpenShard> ReceiveOpen();
  // Until the reader has sent all, or an error; returns the call's status.
  absl::Status Run(const v1::OpenShard& open);
  // Ends the session, an open transaction with it.
  void EndSession();
  // Cancels the statement at work; does nothing before the session is open.
  postgres::Connection::Canceller canceller();

 private:
  absl::Status Open(const v1::OpenShard& open);
  absl::Status Connect(const v1::OpenShard& open);
  // Takes frames until a group should be committed. Sets `last_status` when no more will come.
  absl::Status CollectGroup(std::optional<absl::Status>* last_status);
  absl::Status CommitGroup();
  void Answer(const core::Checkpoint& checkpoint);

  const WriterOptions& options_;
  const postgres::ConnectionResolver& resolver_;
  WriterMetrics& metrics_;
  IngestCall& call_;
  FrameAssembler frames_;
  core::Plan plan_;
  std::optional<postgres::Connection> session_;
  std::optional<GroupWriter> group_;  // refers to session_ and plan_
  // Of the group: when its first tuples were sent to Postgres, and when its last batch was.
  std::optional<absl::Time> copy_begin_;
  absl::Time copy_end_;

  base::Mutex mutex_;
  postgres::Connection::Canceller canceller_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_SHARD_STREAM_H_
