#ifndef VECFERRY_COMMON_SQLITE_FINGERPRINT_H_
#define VECFERRY_COMMON_SQLITE_FINGERPRINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"

namespace vecferry::sqlite {

// The text of Snapshot::fingerprint for `database`, which must be inside a read transaction. For a WAL store it reads
// the shared index, which is that of the newest commit: the caller makes sure that nobody committed since the
// transaction began. `path` is the source, also when `database` is a copy of it.
absl::StatusOr<std::string> ReadFingerprint(Database& database, const std::string& path);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_FINGERPRINT_H_
