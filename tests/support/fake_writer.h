#ifndef VECFERRY_TESTS_SUPPORT_FAKE_WRITER_H_
#define VECFERRY_TESTS_SUPPORT_FAKE_WRITER_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/clients.h"

namespace vecferry::testing {

// A writer that commits into memory by the rules of protocol section 4: groups of batches, positions after commits, a
// fence for every earlier stream. Breaks the protocol by a reader end the test. Thread-safe.
class FakeWriter : public rpc::WriterClient {
 public:
  // How the next stream ends before its time; after all scripts streams go well.
  struct Script {
    int batches = 0;      // taken before the end; -1 = it does not even tell a position
    absl::Status status;  // the stream's end
  };
  void Expect(std::vector<Script> scripts);
  // A stream commits whenever it holds so many batches, and at its end. 0 = at its end alone.
  void set_group_batches(int batches);
  // Back-pressure: Send blocks once streams have taken so many batches; -1 = never.
  void HoldAt(int batches);
  // Waits until a stream is blocked so.
  void AwaitHeld();
  // What an earlier holder had committed.
  void set_position(const rpc::StreamPosition& position);

  std::unique_ptr<rpc::BatchStream> OpenShard(const rpc::ShardToOpen& shard) override;

  rpc::StreamPosition position();
  std::vector<rpc::Batch> committed();
  int opened();
  // How each stream was opened, and the current span's traceparent then.
  std::vector<std::pair<rpc::ShardToOpen, std::string>> openings();
  // Waits until streams have taken so many batches.
  void AwaitBatches(int count);

 private:
  friend class FakeStream;
  void Commit(std::vector<rpc::Batch>& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Mutex mutex_;
  std::deque<Script> scripts_ ABSL_GUARDED_BY(mutex_);
  int group_batches_ ABSL_GUARDED_BY(mutex_) = 2;
  rpc::StreamPosition position_ ABSL_GUARDED_BY(mutex_);
  std::vector<rpc::Batch> committed_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<rpc::ShardToOpen, std::string>> openings_ ABSL_GUARDED_BY(mutex_);
  int held_at_ ABSL_GUARDED_BY(mutex_) = -1;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  int received_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Hands out leases in turn, then says finished. Thread-safe.
class FakeLeases : public rpc::LeaseClient {
 public:
  FakeLeases(core::Plan plan, std::vector<rpc::Lease> leases);

  absl::StatusOr<rpc::Acquired> Acquire(const std::string& worker) override;
  absl::Status Renew(const rpc::Lease& lease) override;
  absl::Status Complete(const rpc::Lease& lease) override;
  absl::Status Fail(const rpc::Lease& lease, const absl::Status& why) override;
  absl::StatusOr<core::Plan> GetPlan(const std::string& migration_id) override;

  void set_renewal(const absl::Status& answer);
  // The plan from the first lease of its revision on.
  void set_renewed_plan(const core::Plan& plan);
  std::vector<int> completed();
  std::vector<absl::Status> failed();
  int renewed();

 private:
  const core::Plan plan_;
  base::Mutex mutex_;
  std::deque<rpc::Lease> leases_ ABSL_GUARDED_BY(mutex_);
  int revision_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last lease
  std::optional<core::Plan> renewed_plan_ ABSL_GUARDED_BY(mutex_);
  absl::Status renewal_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> completed_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> failed_ ABSL_GUARDED_BY(mutex_);
  int renewed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_FAKE_WRITER_H_
