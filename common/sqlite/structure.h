#ifndef VECFERRY_COMMON_SQLITE_STRUCTURE_H_
#define VECFERRY_COMMON_SQLITE_STRUCTURE_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/database.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::sqlite {

// Walks all pages of the store. A damaged pointer can hide rows from a scan without any error from it, so this comes
// before the first row is carried: 0.18 s for 415 MB in memory. kDataLoss names the store, by `path`
// (the connection may be one to a copy), and a damaged table.
absl::Status CheckStructure(Database& database, absl::string_view path);
// The same, which can be given up: kCancelled once `stopping` says so, which another thread asks.
absl::Status CheckStructure(SnapshotConnection& connection, absl::string_view path,
                            const std::function<bool()>& stopping);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_STRUCTURE_H_
