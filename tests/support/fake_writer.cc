#include "tests/support/fake_writer.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/telemetry/trace_context.h"

namespace vecferry::testing {
namespace {

void Require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "FakeWriter: the reader broke the protocol: %s\n", rule);
  std::abort();
}

}  // namespace

class FakeStream : public rpc::BatchStream {
 public:
  FakeStream(FakeWriter& writer, std::optional<FakeWriter::Script> script)
      : writer_(writer), script_(std::move(script)) {
    base::MutexLock lock(&writer_.mutex_);
    if (script_ && script_->batches < 0) {
      End(script_->status);
    } else {
      expected_ = writer_.position_;
      positions_.push_back(expected_);
      EndIfScripted();
    }
  }
  ~FakeStream() override { Require(finished_, "a stream was left without Finish"); }

  absl::Status Send(rpc::Batch batch) override {
    base::MutexLock lock(&writer_.mutex_);
    Require(!done_sending_, "a batch after DoneSending");
    writer_.mutex_.Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      writer_.holding_ = !end_ && writer_.held_at_ >= 0 && writer_.received_ >= writer_.held_at_;
      return !writer_.holding_;
    });
    if (end_) return absl::UnavailableError("the stream has ended");
    Require(batch.sequence == expected_.next_sequence, "sequences are consecutive");
    Require(batch.key_before_first == expected_.last_key, "keys are consecutive");
    Require(!expected_.done, "a batch after the end of the shard");
    expected_ = {batch.sequence + 1, batch.last_key, batch.end_of_shard};
    pending_.push_back(std::move(batch));
    ++writer_.received_;
    ++taken_;
    EndIfScripted();
    if (!end_ && writer_.group_batches_ > 0 && static_cast<int>(pending_.size()) >= writer_.group_batches_) Commit();
    return absl::OkStatus();
  }

  absl::StatusOr<rpc::StreamPosition> NextPosition() override {
    base::MutexLock lock(&writer_.mutex_);
    writer_.mutex_.Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return end_.has_value() || !positions_.empty(); });
    if (positions_.empty()) return absl::OutOfRangeError("no more positions");
    const rpc::StreamPosition position = positions_.front();
    positions_.pop_front();
    return position;
  }

  void DoneSending() override {
    base::MutexLock lock(&writer_.mutex_);
    if (std::exchange(done_sending_, true) || end_) return;
    Commit();
    End(absl::OkStatus());
  }

  absl::Status Finish() override {
    DoneSending();
    base::MutexLock lock(&writer_.mutex_);
    finished_ = true;
    return *end_;
  }

  void Cancel() override {
    base::MutexLock lock(&writer_.mutex_);
    End(absl::CancelledError("cancelled"));
  }

 private:
  void EndIfScripted() {
    if (script_ && taken_ == script_->batches) End(script_->status);
  }
  // What is not committed is lost.
  void End(const absl::Status& status) {
    if (!end_) end_ = status;
    pending_.clear();
  }
  void Commit() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (pending_.empty()) return;
    writer_.Commit(pending_);
    positions_.push_back(writer_.position_);
  }

  // All under the writer's mutex.
  FakeWriter& writer_;
  const std::optional<FakeWriter::Script> script_;
  rpc::StreamPosition expected_;
  std::deque<rpc::StreamPosition> positions_;
  std::vector<rpc::Batch> pending_;
  std::optional<absl::Status> end_;
  int taken_ = 0;
  bool done_sending_ = false, finished_ = false;
};

void FakeWriter::Expect(std::vector<Script> scripts) {
  base::MutexLock lock(&mutex_);
  scripts_.assign(scripts.begin(), scripts.end());
}

void FakeWriter::set_group_batches(int batches) {
  base::MutexLock lock(&mutex_);
  group_batches_ = batches;
}

void FakeWriter::HoldAt(int batches) {
  base::MutexLock lock(&mutex_);
  held_at_ = batches;
}

void FakeWriter::AwaitHeld() {
  base::MutexLock lock(&mutex_);
  mutex_.Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return holding_; });
}

void FakeWriter::set_position(const rpc::StreamPosition& position) {
  base::MutexLock lock(&mutex_);
  position_ = position;
}

std::unique_ptr<rpc::BatchStream> FakeWriter::OpenShard(const rpc::ShardToOpen& shard) {
  std::optional<Script> script;
  {
    base::MutexLock lock(&mutex_);
    openings_.emplace_back(shard, telemetry::CurrentTraceparent());
    if (!scripts_.empty()) {
      script = scripts_.front();
      scripts_.pop_front();
    }
  }
  return std::make_unique<FakeStream>(*this, std::move(script));
}

rpc::StreamPosition FakeWriter::position() {
  base::MutexLock lock(&mutex_);
  return position_;
}

std::vector<rpc::Batch> FakeWriter::committed() {
  base::MutexLock lock(&mutex_);
  return committed_;
}

int FakeWriter::opened() {
  base::MutexLock lock(&mutex_);
  return static_cast<int>(openings_.size());
}

std::vector<std::pair<rpc::ShardToOpen, std::string>> FakeWriter::openings() {
  base::MutexLock lock(&mutex_);
  return openings_;
}

void FakeWriter::AwaitBatches(int count) {
  base::MutexLock lock(&mutex_);
  mutex_.Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return received_ >= count; });
}

void FakeWriter::Commit(std::vector<rpc::Batch>& pending) {
  Require(pending.front().sequence == position_.next_sequence, "a stale stream committed");
  for (rpc::Batch& batch : pending) {
    position_ = {batch.sequence + 1, batch.last_key, batch.end_of_shard};
    committed_.push_back(std::move(batch));
  }
  pending.clear();
}

FakeLeases::FakeLeases(core::Plan plan, std::vector<rpc::Lease> leases)
    : plan_(std::move(plan)), leases_(leases.begin(), leases.end()) {}

absl::StatusOr<rpc::Acquired> FakeLeases::Acquire(const std::string&) {
  base::MutexLock lock(&mutex_);
  rpc::Acquired acquired;
  acquired.finished = leases_.empty();
  if (acquired.finished) return acquired;
  acquired.lease = leases_.front();
  leases_.pop_front();
  revision_ = acquired.lease->plan_revision;
  return acquired;
}

absl::Status FakeLeases::Renew(const rpc::Lease&) {
  base::MutexLock lock(&mutex_);
  ++renewed_;
  return renewal_;
}

absl::Status FakeLeases::Complete(const rpc::Lease& lease) {
  base::MutexLock lock(&mutex_);
  completed_.push_back(lease.shard);
  return absl::OkStatus();
}

absl::Status FakeLeases::Fail(const rpc::Lease&, const absl::Status& why) {
  base::MutexLock lock(&mutex_);
  failed_.push_back(why);
  return absl::OkStatus();
}

absl::StatusOr<core::Plan> FakeLeases::GetPlan(const std::string&) {
  base::MutexLock lock(&mutex_);
  return renewed_plan_ && revision_ >= renewed_plan_->revision ? *renewed_plan_ : plan_;
}

void FakeLeases::set_renewed_plan(const core::Plan& plan) {
  base::MutexLock lock(&mutex_);
  renewed_plan_ = plan;
}

void FakeLeases::set_renewal(const absl::Status& answer) {
  base::MutexLock lock(&mutex_);
  renewal_ = answer;
}

std::vector<int> FakeLeases::completed() {
  base::MutexLock lock(&mutex_);
  return completed_;
}

std::vector<absl::Status> FakeLeases::failed() {
  base::MutexLock lock(&mutex_);
  return failed_;
}

int FakeLeases::renewed() {
  base::MutexLock lock(&mutex_);
  return renewed_;
}

}  // namespace vecferry::testing
