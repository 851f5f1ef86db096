#include "verifier/comparison.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "common/base/status_macros.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kBuckets = 4096;

struct Bucket {
  std::int64_t rows = 0;
  core::Sum128 sum;
  bool operator==(const Bucket&) const = default;
};

using Buckets = std::vector<Bucket>;

// A row as its two hashes.
struct Entry {
  core::Sum128 key, row;
};

std::tuple<std::uint64_t, std::uint64_t> Order(const core::Sum128& hash) { return {hash.high, hash.low}; }
bool operator<(const Entry& a, const Entry& b) {
  return std::tuple(Order(a.key), Order(a.row)) < std::tuple(Order(b.key), Order(b.row));
}

enum class Which { kBoth, kSource, kDestination };

// Runs the parts at once, part 0 being the source. `taker(part)` is called before any of them begins. The first error
// ends the others.
absl::Status ScanAll(const Sides& sides, const std::function<RowTaker(std::size_t part)>& taker,
                     Which which = Which::kBoth) {
  const std::size_t first_part = which == Which::kDestination ? 1 : 0;
  const std::size_t parts = which == Which::kSource ? 1 : 1 + sides.destination.size();
  std::vector<absl::Status> ended(parts);
  std::vector<RowTaker> takers(parts);
  for (std::size_t part = first_part; part < parts; ++part) takers[part] = taker(part);
  std::atomic<bool> failed = false;
  const auto run = [&](std::size_t part) {
    const ScanPart& scan = part == 0 ? sides.source : sides.destination[part - 1];
    ended[part] = scan([&](const RowImage& row) {
      if (failed) return absl::CancelledError("the other side could not be read");
      return takers[part](row);
    });
    if (!ended[part].ok()) failed = true;
  };
  std::vector<std::thread> threads;
  for (std::size_t part = first_part + 1; part < parts; ++part) threads.emplace_back(run, part);
  run(first_part);
  for (std::thread& thread : threads) thread.join();
  // What made the others stop is worth more than that they did.
  absl::Status first;
  for (const absl::Status& status : ended) {
    if (!status.ok() && (first.ok() || absl::IsCancelled(first))) first = status;
  }
  return first;
}

bool HasKey(const std::vector<Entry>& sorted, const core::Sum128& key) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), Entry{key, {}});
  return found != sorted.end() && found->key == key;
}

class Comparing {
 public:
  Comparing(const Sides& sides, const ComparisonLimits& limits) : sides_(sides), limits_(limits) {}

  absl::StatusOr<Outcome> Run() {
    RETURN_IF_ERROR(Sum());
    std::vector<bool> chosen(kBuckets);
    std::int64_t entries = 0;
    bool any = false;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      if (!Differs(bucket)) continue;
      const std::int64_t rows =
          sides_.only_source_rows ? std::max(source_[bucket].rows, destination_[bucket].rows) : source_[bucket].rows;
      if (any && entries + rows > limits_.entries_max) {
        RETURN_IF_ERROR(Pair(chosen));
        chosen.assign(kBuckets, false);
        entries = 0;
      }
      chosen[bucket] = any = true;
      entries += rows;
    }
    if (any) RETURN_IF_ERROR(Pair(chosen));
    if (!named_.empty()) RETURN_IF_ERROR(Name());
    return std::move(outcome_);
  }

 private:
  bool Differs(std::size_t bucket) const { return source_[bucket] != destination_[bucket]; }

  absl::Status Sum() {
    std::vector<Buckets> sums(1 + sides_.destination.size(), Buckets(kBuckets));
    RETURN_IF_ERROR(ScanAll(sides_, [&](std::size_t part) {
      return [this, &buckets = sums[part]](const RowImage& row) {
        Bucket& bucket = buckets[BucketOf(row.HashOf(sides_.key))];
        ++bucket.rows;
        bucket.sum += row.Hash();
        return absl::OkStatus();
      };
    }));
    source_ = sums[0];
    destination_.assign(kBuckets, {});
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      outcome_.source_rows += source_[bucket].rows;
      outcome_.source_sum += source_[bucket].sum;
      for (std::size_t part = 1; part < sums.size(); ++part) {
        destination_[bucket].rows += sums[part][bucket].rows;
        destination_[bucket].sum += sums[part][bucket].sum;
      }
      outcome_.destination_rows += destination_[bucket].rows;
    }
    return absl::OkStatus();
  }

  absl::Status Pair(const std::vector<bool>& chosen) {
    std::vector<std::vector<Entry>> found(1 + sides_.destination.size());
    std::vector<Entry>& source = found[0];
    const auto collect = [&](std::size_t part) -> RowTaker {
      const bool filter = part > 0 && !sides_.only_source_rows;
      return [this, &chosen, &source, &entries = found[part], filter](const RowImage& row) {
        const Entry entry{row.HashOf(sides_.key), row.Hash()};
        if (chosen[BucketOf(entry.key)] && (!filter || HasKey(source, entry.key))) entries.push_back(entry);
        return absl::OkStatus();
      };
    };
    if (sides_.only_source_rows) {
      RETURN_IF_ERROR(ScanAll(sides_, collect));
      std::sort(source.begin(), source.end());
    } else {
      // The destination may have any number of rows of its own.
      RETURN_IF_ERROR(ScanAll(sides_, collect, Which::kSource));
      std::sort(source.begin(), source.end());
      RETURN_IF_ERROR(ScanAll(sides_, collect, Which::kDestination));
    }
    std::vector<Entry> destination;
    for (std::size_t part = 1; part < found.size(); ++part) {
      destination.insert(destination.end(), found[part].begin(), found[part].end());
      std::vector<Entry>().swap(found[part]);
    }
    std::sort(destination.begin(), destination.end());
    PairSorted(source, destination);
    return absl::OkStatus();
  }

  // Equal rows pair first; of what is left under one key, one of each side is a row that differs.
  void PairSorted(const std::vector<Entry>& source, const std::vector<Entry>& destination) {
    auto s = source.begin();
    auto d = destination.begin();
    while (s != source.end() || d != destination.end()) {
      const core::Sum128 key =
          d == destination.end() || (s != source.end() && Order(s->key) <= Order(d->key)) ? s->key : d->key;
      std::int64_t only_source = 0, only_destination = 0;
      while (true) {
        const bool in_source = s != source.end() && s->key == key;
        const bool in_destination = d != destination.end() && d->key == key;
        if (!in_source && !in_destination) break;
        if (in_source && in_destination && s->row == d->row) {
          ++s, ++d;
        } else if (in_source && (!in_destination || Order(s->row) < Order(d->row))) {
          ++only_source, ++s;
        } else {
          ++only_destination, ++d;
        }
      }
      Count(key, only_source, only_destination);
    }
  }

  void Count(const core::Sum128& key, std::int64_t only_source, std::int64_t only_destination) {
    const std::int64_t differing = std::min(only_source, only_destination);
    outcome_.differing += differing;
    outcome_.missing += only_source - differing;
    outcome_.unexpected += only_destination - differing;
    const bool counts = only_source > 0 || (only_destination > 0 && sides_.only_source_rows);
    if (counts && named_.size() < static_cast<std::size_t>(limits_.named_max)) named_.insert(Order(key));
  }

  // Reads the contents of the rows that are to be named.
  absl::Status Name() {
    std::vector<std::map<HashOrder, std::vector<RowImage>>> found(1 + sides_.destination.size());
    RETURN_IF_ERROR(ScanAll(sides_, [&](std::size_t part) {
      return [this, &rows = found[part]](const RowImage& row) {
        const HashOrder key = Order(row.HashOf(sides_.key));
        if (named_.contains(key)) rows[key].push_back(row);
        return absl::OkStatus();
      };
    }));
    for (const HashOrder& key : named_) {
      std::vector<RowImage> source = found[0][key], destination;
      for (std::size_t part = 1; part < found.size(); ++part) {
        destination.insert(destination.end(), found[part][key].begin(), found[part][key].end());
      }
      NameKey(std::move(source), std::move(destination));
    }
    return absl::OkStatus();
  }

  void NameKey(std::vector<RowImage> source, std::vector<RowImage> destination) {
    for (auto row = source.begin(); row != source.end();) {
      const auto same = std::find_if(destination.begin(), destination.end(),
                                     [&](const RowImage& other) { return other.Hash() == row->Hash(); });
      if (same == destination.end()) {
        ++row;
      } else {
        destination.erase(same);
        row = source.erase(row);
      }
    }
    for (std::size_t i = 0; i < std::max(source.size(), destination.size()); ++i) {
      if (outcome_.rows.size() == static_cast<std::size_t>(limits_.named_max)) return;
      DifferentRow& row = outcome_.rows.emplace_back();
      if (i < source.size()) row.source = source[i];
      if (i < destination.size()) row.destination = destination[i];
      row.kind = i >= source.size()        ? RowDifference::kUnexpected
                 : i >= destination.size() ? RowDifference::kMissing
                                           : RowDifference::kDiffering;
    }
  }

  using HashOrder = std::tuple<std::uint64_t, std::uint64_t>;

  const Sides& sides_;
  const ComparisonLimits limits_;
  Buckets source_, destination_;
  std::set<HashOrder> named_;
  Outcome outcome_;
};

}  // namespace

std::size_t BucketOf(const core::Sum128& key) { return key.high % kBuckets; }

absl::StatusOr<Outcome> Compare(const Sides& sides, const ComparisonLimits& limits) {
  return Comparing(sides, limits).Run();
}

}  // namespace vecferry::verifier
