#ifndef VECFERRY_COORDINATOR_LEASE_TABLE_H_
#define VECFERRY_COORDINATOR_LEASE_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/core/plan.h"

namespace vecferry::coordinator {

// What the ledger says about a shard when a coordinator takes a migration up.
struct ShardStanding {
  int shard = 0;
  bool done = false;
  std::uint64_t lease_epoch = 0;
  // Of a lease that an earlier coordinator granted and that goes on: who has it, and for how long still.
  std::string owner;
  absl::Duration lease_left;
};

// Who carries a leased shard: the reader's name, and the writer's address ("" = the one of this process).
struct LeaseParties {
  std::string owner, writer;
};

// Who carries which shard. Decisions only: the ledger's epochs are what keeps a stale holder from committing; this says
// whom to ask next. Times are monotonic, since some start of the caller's. Thread-compatible.
class LeaseTable {
 public:
  LeaseTable(const core::Plan& plan, const std::vector<ShardStanding>& standings, absl::Duration now);

  // The shard to lease next: a free one, or one whose lease ran out; of a `merge` mapping only when the mappings that
  // it refers to are done. Mappings with the largest shards come first, so that no long one runs alone at the end. Held
  // for the caller until `until`; Grant or GiveBack follows.
  std::optional<int> Take(absl::Duration now, absl::Duration until, const LeaseParties& parties);

  void Grant(int shard, std::uint64_t epoch, absl::Duration expires);
  // kAborted: the shard is leased under another epoch, or done. A lease that an earlier coordinator granted is adopted.
  absl::Status Renew(int shard, std::uint64_t epoch, absl::Duration expires);
  absl::Status Complete(int shard, std::uint64_t epoch);
  // The shard is free again, not before `retry_at`. `failed` adds to attempts().
  absl::Status GiveBack(int shard, std::uint64_t epoch, absl::Duration retry_at, bool failed);
  // Ends the leases of a reader that is gone; returns how many.
  int Expire(const std::string& owner, absl::Duration now);
  // Leases that run now, added up by their writer's address.
  void CountStreams(absl::Duration now, std::map<std::string, int>& streams) const;
  int CountLeases(absl::Duration now) const;
  std::uint64_t epoch(int shard) const { return shards_[shard].epoch; }
  int attempts(int shard) const { return shards_[shard].attempts; }

  bool done() const { return left_ == 0; }

 private:
  enum class Hold { kFree, kLeased, kDone };
  struct Entry {
    int mapping = 0;
    Hold hold = Hold::kFree;
    std::uint64_t epoch = 0;
    absl::Duration until;  // kLeased: the lease's end; kFree: not to be leased before
    LeaseParties parties;  // kLeased
    int attempts = 0;      // how often it was given back after a failure
  };
  struct Waiting {
    bool merge = false;
    std::vector<int> parents;
    std::vector<int> shards;
    int shards_left = 0;
  };

  absl::Status CheckHolder(int shard, std::uint64_t epoch) const;
  bool MayStart(const Waiting& mapping) const;
  std::optional<int> FindFree(const Waiting& mapping, absl::Duration now) const;
  std::optional<int> Next(absl::Duration now) const;

  std::vector<Entry> shards_;      // by id
  std::vector<Waiting> mappings_;  // by id
  std::vector<int> order_;         // mapping ids, in the order in which they are leased
  int left_ = 0;
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_LEASE_TABLE_H_
