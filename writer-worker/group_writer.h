#ifndef VECFERRY_WRITER_WORKER_GROUP_WRITER_H_
#define VECFERRY_WRITER_WORKER_GROUP_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/load/loader.h"
#include "common/postgres/connection.h"
#include "common/rpc/clients.h"
#include "writer-worker/group_spans.h"

namespace vecferry::writer {

// Which stream of which shard writes where.
struct StreamTarget {
  std::string migration_id;
  int shard = 0;
  std::uint64_t lease_epoch = 0;
  std::uint64_t stream_epoch = 0;
  std::string schema;
  load::OnConflict on_conflict = load::OnConflict::kSkip;
  std::int64_t rejects_max = 0;
  int spans_max = 0;  // commit groups to tell spans of
};

// Commits groups of batches of one shard: tuples, issues and checkpoint in one transaction. Relays each batch into an
// open COPY as it comes, and keeps it until the commit, so that a group that Postgres refuses can be taken apart.
// Not thread-safe. Session and mapping must outlive it. After an error only destruction is allowed; the session's
// transaction is left to its end.
class GroupWriter {
 public:
  GroupWriter(postgres::Connection& session, StreamTarget target, const core::Mapping& mapping,
              core::Checkpoint committed);

  // Once, before the first batch.
  absl::Status Prepare() { return loader_.Prepare(); }

  // Errors: kFailedPrecondition when the batch does not follow the last one; what Postgres said, but for refused rows,
  // which Commit() takes apart.
  absl::Status Add(rpc::Batch batch);

  // OK means committed. Errors: kFailedPrecondition (stored position is another), kAborted (other lease),
  // kOutOfRange (more than rejects_max rejected rows), kAlreadyExists (on conflict: fail), kUnavailable (whether it is
  // committed is not known).
  absl::StatusOr<core::Checkpoint> Commit();

  // The position that is stored.
  const core::Checkpoint& committed() const { return committed_; }
  bool empty() const { return batches_.empty(); }
  std::size_t bytes() const { return bytes_; }
  // The group should be committed now: the shard's end came, or Postgres refused it already.
  bool wants_commit() const { return refused_ || (!batches_.empty() && batches_.back().end_of_shard); }

 private:
  // What one transaction did with the group's tuples.
  struct Carried {
    std::int64_t inserted = 0, present = 0, updated = 0, conflicting = 0, rejected = 0;
    std::int64_t waiting = 0;        // among the rejected, for a parent that may come later
    std::int64_t repaired_lost = 0;  // rejected rows that the reader counted as repaired
    std::vector<core::RowIssue> issues;
  };

  GroupSize Size() const;
  absl::Status BeginLoad();
  absl::Status Relay(const rpc::Batch& batch);
  absl::StatusOr<Carried> FinishLoad();
  absl::Status CommitWithRetries(core::Checkpoint* after);
  // `from_stage`: the group is staged, and the stage is still good.
  absl::StatusOr<Carried> TakeApart(bool from_stage);
  absl::Status Note(const load::LoadOutcome& outcome, Carried& carried);
  absl::Status Reject(std::size_t place, const absl::Status& status, Carried& carried);
  void Wait(std::size_t place, Carried& carried);
  core::Checkpoint CheckpointAfter(const Carried& carried) const;
  absl::Status CheckRejects(const Carried& carried, const core::Checkpoint& after);
  absl::Status CommitCarried(const Carried& carried, const core::Checkpoint& after);
  absl::Status CommitOnce(core::Checkpoint* after);

  postgres::Connection& session_;
  const StreamTarget target_;
  const core::Mapping& mapping_;
  load::Loader loader_;
  GroupSpans spans_;
  core::Checkpoint committed_;
  std::vector<rpc::Batch> batches_;
  std::vector<absl::string_view> tuples_;         // of the group, borrowed from batches_
  std::vector<const rpc::TupleSource*> sources_;  // theirs
  std::size_t bytes_ = 0;
  bool loading_ = false;  // a COPY is open
  bool refused_ = false;  // the transaction has failed by a row
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_GROUP_WRITER_H_
