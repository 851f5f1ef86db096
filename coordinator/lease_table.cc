#include "coordinator/lease_table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace vecferry::coordinator {

LeaseTable::LeaseTable(const core::Plan& plan, const std::vector<ShardStanding>& standings, absl::Duration now) {
  mappings_.resize(plan.mappings.size());
  for (const core::Mapping& mapping : plan.mappings) {
    Waiting& waiting = mappings_[mapping.id];
    waiting.merge = mapping.mode == core::LoadMode::kMerge;
    waiting.parents = mapping.parents;
  }
  shards_.resize(plan.shards.size());
  for (const core::Shard& shard : plan.shards) {
    shards_[shard.id].mapping = shard.mapping;
    mappings_[shard.mapping].shards.push_back(shard.id);
    ++mappings_[shard.mapping].shards_left;
  }
  left_ = static_cast<int>(shards_.size());
  for (const ShardStanding& standing : standings) {
    Entry& entry = shards_[standing.shard];
    entry.epoch = standing.lease_epoch;
    if (!standing.done) {
      if (standing.lease_left <= absl::ZeroDuration()) continue;
      entry.hold = Hold::kLeased;
      entry.parties.owner = standing.owner;
      entry.until = now + standing.lease_left;
      continue;
    }
    entry.hold = Hold::kDone;
    --mappings_[entry.mapping].shards_left;
    --left_;
  }
  order_.resize(mappings_.size());
  std::iota(order_.begin(), order_.end(), 0);
  // Bytes per shard, not per mapping: what matters is how long the last shard runs alone.
  const auto shard_bytes = [&](int id) {
    return plan.mappings[id].bytes_estimate / std::max<std::int64_t>(1, mappings_[id].shards.size());
  };
  std::stable_sort(order_.begin(), order_.end(), [&](int a, int b) { return shard_bytes(a) > shard_bytes(b); });
}

bool LeaseTable::MayStart(const Waiting& mapping) const {
  if (!mapping.merge) return true;  // foreign keys of a fresh table come after the load
  return std::all_of(mapping.parents.begin(), mapping.parents.end(),
                     [this](int parent) { return mappings_[parent].shards_left == 0; });
}

std::optional<int> LeaseTable::FindFree(const Waiting& mapping, absl::Duration now) const {
  for (const int shard : mapping.shards) {
    if (shards_[shard].hold != Hold::kDone && shards_[shard].until <= now) return shard;
  }
  return std::nullopt;
}

std::optional<int> LeaseTable::Next(absl::Duration now) const {
  bool stuck = left_ > 0;
  for (const int id : order_) {
    if (mappings_[id].shards_left == 0 || !MayStart(mappings_[id])) continue;
    stuck = false;
    if (const std::optional<int> shard = FindFree(mappings_[id], now)) return shard;
  }
  if (!stuck) return std::nullopt;
  // Mappings that refer to one another in a ring wait for each other. The first begins; a row that the server refuses
  // for a parent that comes later is an issue of its own.
  for (const Waiting& mapping : mappings_) {
    if (mapping.shards_left > 0) return FindFree(mapping, now);
  }
  return std::nullopt;
}

std::optional<int> LeaseTable::Take(absl::Duration now, absl::Duration until, const LeaseParties& parties) {
  const std::optional<int> shard = Next(now);
  if (!shard) return std::nullopt;
  shards_[*shard].hold = Hold::kLeased;
  shards_[*shard].until = until;
  shards_[*shard].parties = parties;
  return shard;
}

void LeaseTable::Grant(int shard, std::uint64_t epoch, absl::Duration expires) {
  Entry& entry = shards_[shard];
  entry.hold = Hold::kLeased;
  entry.epoch = epoch;
  entry.until = expires;
}

int LeaseTable::Expire(const std::string& owner, absl::Duration now) {
  int expired = 0;
  for (Entry& entry : shards_) {
    if (entry.hold != Hold::kLeased || entry.until <= now || entry.parties.owner != owner) continue;
    entry.until = now;
    ++expired;
  }
  return expired;
}

void LeaseTable::CountStreams(absl::Duration now, std::map<std::string, int>& streams) const {
  for (const Entry& entry : shards_) {
    if (entry.hold == Hold::kLeased && entry.until > now) ++streams[entry.parties.writer];
  }
}

int LeaseTable::CountLeases(absl::Duration now) const {
  return static_cast<int>(std::count_if(shards_.begin(), shards_.end(), [&](const Entry& entry) {
    return entry.hold == Hold::kLeased && entry.until > now;
  }));
}

absl::Status LeaseTable::CheckHolder(int shard, std::uint64_t epoch) const {
  if (shard < 0 || shard >= static_cast<int>(shards_.size())) {
    return absl::NotFoundError(absl::StrCat("no shard ", shard));
  }
  const Entry& entry = shards_[shard];
  if (entry.epoch != epoch) {
    return absl::AbortedError(absl::StrCat("lease of shard ", shard, " has epoch ", entry.epoch, ", got ", epoch));
  }
  return absl::OkStatus();
}

absl::Status LeaseTable::Renew(int shard, std::uint64_t epoch, absl::Duration expires) {
  absl::Status holder = CheckHolder(shard, epoch);
  if (!holder.ok()) return holder;
  Entry& entry = shards_[shard];
  if (entry.hold == Hold::kDone) return absl::OkStatus();
  entry.hold = Hold::kLeased;
  entry.until = expires;
  return absl::OkStatus();
}

absl::Status LeaseTable::Complete(int shard, std::uint64_t epoch) {
  absl::Status holder = CheckHolder(shard, epoch);
  if (!holder.ok()) return holder;
  Entry& entry = shards_[shard];
  if (entry.hold == Hold::kDone) return absl::OkStatus();
  entry.hold = Hold::kDone;
  --mappings_[entry.mapping].shards_left;
  --left_;
  return absl::OkStatus();
}

absl::Status LeaseTable::GiveBack(int shard, std::uint64_t epoch, absl::Duration retry_at, bool failed) {
  absl::Status holder = CheckHolder(shard, epoch);
  if (!holder.ok()) return holder;
  Entry& entry = shards_[shard];
  if (entry.hold == Hold::kDone) return absl::OkStatus();
  entry.hold = Hold::kFree;
  entry.until = retry_at;
  if (failed) ++entry.attempts;
  return absl::OkStatus();
}

}  // namespace vecferry::coordinator
