#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/sqlite/range_query.h"
#include "common/sqlite/schema.h"

namespace vecferry::sqlite {
namespace {

// Enough evenly spaced keys for 4,096 shards whose sizes differ by a quarter at most.
constexpr std::size_t kKeysMax = 16384;
constexpr std::size_t kMeasuredMax = 1000;
constexpr std::int64_t kShardsMax = 4096;

// Every `stride`-th key of a mapping, in order; the first is the lowest.
struct KeySample {
  std::int64_t rows = 0, stride = 1;
  std::vector<std::string> keys;  // records
};

std::string RecordOfColumns(const Statement& row, std::size_t count) {
  std::vector<core::ValueView> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(row.Column(static_cast<int>(i)));
  return core::EncodeRecord(values);
}

// Walks all keys once: that counts the rows, and spaces the sample by rows however sparse the keys are.
absl::StatusOr<KeySample> SampleKeys(Database& database, const core::Mapping& mapping) {
  const std::vector<KeyPart> parts = KeyParts(mapping.key);
  ASSIGN_OR_RETURN(Statement row, database.Prepare(absl::StrCat("SELECT ", KeyList(parts), " FROM ", mapping.from_sql,
                                                                KeyOrder(parts))));
  KeySample sample;
  for (;; ++sample.rows) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return sample;
    if (sample.rows % sample.stride != 0) continue;
    if (sample.keys.size() == kKeysMax) {
      for (std::size_t i = 1; i < kKeysMax / 2; ++i) sample.keys[i] = std::move(sample.keys[2 * i]);
      sample.keys.resize(kKeysMax / 2);
      sample.stride *= 2;
    }
    sample.keys.push_back(RecordOfColumns(row, parts.size()));
  }
}

// Bytes of one row's inputs. length() of a blob is told without reading it.
std::string SizeExpression(const core::Mapping& mapping) {
  // A sum of sums: SQLite takes no expression deeper than 1,000, and a table has up to 2,000 columns.
  constexpr std::size_t kTermsATime = 50;
  std::string sum = "(0";
  for (std::size_t i = 0; i < mapping.inputs.size(); ++i) {
    const std::string& value = mapping.inputs[i].sql;
    absl::StrAppend(&sum, i % kTermsATime == 0 ? ") + (" : " + ", "CASE typeof(", value, ") WHEN 'blob' THEN length(",
                    value, ") WHEN 'text' THEN length(CAST(", value, " AS BLOB)) ELSE 8 END");
  }
  return sum + ")";
}

// "t.rowid IN (?, ?)", for a key of one part.
std::string KeyIsOneOf(const std::vector<KeyPart>& parts, std::size_t count) {
  return absl::StrCat(parts[0].expression, " IN (", absl::StrJoin(std::vector<std::string>(count, "?"), ", "), ")");
}

// Row sizes at evenly spaced sampled keys: sizes[i] is that of keys[i * step].
struct Measured {
  std::size_t step = 1;
  std::vector<std::int64_t> sizes;
};

absl::StatusOr<Measured> MeasureRows(Database& database, const core::Mapping& mapping, const KeySample& sample) {
  Measured measured;
  measured.step = (sample.keys.size() + kMeasuredMax - 1) / kMeasuredMax;
  std::vector<core::Value> keys;  // of all measured rows, one after the other
  for (std::size_t i = 0; i < sample.keys.size(); i += measured.step) {
    ASSIGN_OR_RETURN(const std::vector<core::Value> key, core::DecodeRecord(sample.keys[i]));
    keys.insert(keys.end(), key.begin(), key.end());
  }
  const std::vector<KeyPart> parts = KeyParts(mapping.key);
  const std::string sizes = absl::StrCat("SELECT ", SizeExpression(mapping), " FROM ", mapping.from_sql, " WHERE ");
  // One query for all: where it numbers equal rows, each asking anew sorts the whole table.
  const std::size_t keys_a_query = mapping.key.is_rowid ? keys.size() : parts.size();
  ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare(mapping.key.is_rowid ? absl::StrCat(sizes, KeyIsOneOf(parts, keys.size()), KeyOrder(parts))
                                            : absl::StrCat(sizes, KeyEquals(parts))));
  for (std::size_t first = 0; first < keys.size(); first += keys_a_query) {
    for (std::size_t i = 0; i < keys_a_query; ++i) row.Bind(static_cast<int>(i) + 1, keys[first + i].view());
    while (true) {
      ASSIGN_OR_RETURN(const bool found, row.Step());
      if (!found) break;
      measured.sizes.push_back(row.Column(0).integer);
    }
    row.Reset();
  }
  measured.sizes.resize(keys.size() / parts.size());  // sizes are estimates: a row that is not found counts as empty
  return measured;
}

// Cuts where the running sum of sizes passes the next multiple of total / shards.
std::vector<std::string> Cut(const KeySample& sample, const Measured& measured, std::int64_t total,
                             std::int64_t shards) {
  std::vector<std::string> boundaries;
  double sum = 0;
  for (std::size_t i = 0; i < sample.keys.size(); ++i) {
    const double target = static_cast<double>(total) / shards * (boundaries.size() + 1);
    if (i > 0 && sum >= target && static_cast<std::int64_t>(boundaries.size()) < shards - 1) {
      boundaries.push_back(sample.keys[i]);
    }
    const std::int64_t rows = std::min(sample.stride, sample.rows - static_cast<std::int64_t>(i) * sample.stride);
    sum += static_cast<double>(measured.sizes[i / measured.step]) * rows;
  }
  return boundaries;
}

std::int64_t TotalBytes(const KeySample& sample, const Measured& measured) {
  double sum = 0;
  for (const std::int64_t size : measured.sizes) sum += static_cast<double>(size);
  return static_cast<std::int64_t>(sum / measured.sizes.size() * sample.rows);
}

}  // namespace

absl::StatusOr<Sharding> PlanShards(Database& database, const core::Mapping& mapping, std::int64_t shard_bytes_max) {
  ASSIGN_OR_RETURN(const KeySample sample, SampleKeys(database, mapping));
  Sharding sharding;
  sharding.rows = sample.rows;
  if (sample.rows == 0) return sharding;
  ASSIGN_OR_RETURN(const Measured measured, MeasureRows(database, mapping, sample));
  sharding.bytes = TotalBytes(sample, measured);
  const std::int64_t shards = std::clamp<std::int64_t>((sharding.bytes + shard_bytes_max - 1) / shard_bytes_max, 1,
                                                       std::min(kShardsMax, sample.rows));
  sharding.boundaries = Cut(sample, measured, sharding.bytes, shards);
  return sharding;
}

}  // namespace vecferry::sqlite
