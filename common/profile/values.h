#ifndef VECFERRY_COMMON_PROFILE_VALUES_H_
#define VECFERRY_COMMON_PROFILE_VALUES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/types.h"
#include "common/sqlite/database.h"

namespace vecferry::profile {

// What the scan looks at in one column. The less it looks at, the fewer pages SQLite reads.
enum class Look {
  kStorage,  // the storage class alone
  kValue,    // the value: does the candidate type hold it, how long is it
  kVector,   // lengths of blobs, dimensions of JSON arrays
};

struct Question {
  std::string column;
  Look look = Look::kStorage;
  core::PgType candidate;
};

// What a column really holds.
struct ValueFacts {
  std::int64_t nulls = 0;
  std::int64_t values = 0;                   // not NULL
  std::array<std::int64_t, 5> classes = {};  // by core::StorageClass
  bool fits = true;                          // every value, exactly or rounded
  std::int64_t bytes_longest = 0;            // of texts and blobs; not with kStorage
  // kVector: rows by dimension; blobs whose length no float32 array has are not among them.
  std::map<std::int64_t, std::int64_t> dimensions;
  std::int64_t vectors = 0;  // rows in `dimensions`
  bool Saw(core::StorageClass storage) const { return classes[static_cast<std::size_t>(storage)] != 0; }
};

// Answers all questions about one table in one pass.
absl::StatusOr<std::vector<ValueFacts>> ScanValues(sqlite::Database& source, const std::string& table,
                                                   const std::vector<Question>& questions);

// Whether the first blobs of a column read as float32 numbers that a model would make.
absl::StatusOr<bool> LooksLikeFloats(sqlite::Database& source, const std::string& table, const std::string& column);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VALUES_H_
